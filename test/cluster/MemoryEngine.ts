/** An engine in the memory of one process. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import {
  type Beat,
  busyFor,
  type Channel,
  type Engine,
  leastChanges,
  type Observer,
  period,
  remembered,
  type Session
} from "../../src/cluster/Engine.js"
import { MemoryOnce } from "../../src/server/api/Once.js"
import { apply, type Entry } from "../../src/server/presence/MemoryPresence.js"
import * as Epoch from "../../src/server/recovery/Epoch.js"

interface Path {
  epoch: string
  isPopulated?: boolean
  top: number
  entries: Array<{ readonly text: string; readonly at: number }>
  last: { readonly text: string; readonly at: number } | undefined
}

interface Own {
  readonly observer: Observer
  readonly channels: Set<string>
  up: boolean
}

/**
 * What happens to an engine in memory, for tests of what a cluster does about it.
 */
export interface MemoryEngine extends Engine {
  /** Cuts everybody off, or whom this names in the order they opened, until `restore`. */
  readonly cut: (chosen?: (index: number) => boolean) => void
  readonly restore: (chosen?: (index: number) => boolean) => void
  /** Loses all that was kept. */
  readonly lose: () => void
  /** Loses who is present where, or where nodes have somebody, and nothing else. */
  readonly evict: (what: "present" | "held") => void
  /** Goes back to the state that it has now, as a server that begins anew from a dump of it. */
  readonly keep: () => () => void
  /** Has writes fail with this, until it is lifted. */
  readonly refuse: (error: Error | undefined) => void
  /** Has the next of these operations fail. */
  readonly failNext: (operation: keyof Session) => void
  /** What has been asked, by operation. */
  readonly asked: ReadonlyMap<keyof Session, number>
  /** Stops announcing for a moment: what is published to channels then is heard by nobody. */
  readonly mute: (muted: boolean) => void
  /** How much is kept: of paths, of users and of nodes. */
  readonly sizes: () => readonly [paths: number, users: number, nodes: number]
}

/**
 * Makes an engine. Its nodes are those of this process.
 */
export const make: Effect.Effect<MemoryEngine> = Effect.map(Clock.Clock, (clock) => {
  const now = (): number => clock.currentTimeMillisUnsafe()
  const paths = new Map<string, Path>()
  const users = new Map<string, Set<string>>()
  const present = new Map<string, Map<string, Entry>>()
  let once = new MemoryOnce(now, busyFor)
  const held = new Map<string, Set<string>>()
  const nodes = new Map<string, { readonly at: number; readonly state: string }>()
  const sessions: Array<Own> = []
  const asked = new Map<keyof Session, number>()
  let run = randomBytes(4).toString("hex")
  let refusal: Error | undefined
  let failing: keyof Session | undefined
  let muted = false
  let away = false

  const announce = (channel: Channel, name: string, payload: string): number => {
    const key = `${channel}:${name}`
    const hearing = muted ? [] : sessions.filter(({ channels, up }) => up && channels.has(key))
    for (const { observer } of hearing) {
      queueMicrotask(() => observer.heard(payload))
    }
    return hearing.length
  }

  const unpublished = (): string => Epoch.unpublished(run, 0, Math.floor(now() / period))

  const open = (observer: Observer): Session => {
    const own: Own = { observer, channels: new Set(), up: false }
    sessions.push(own)
    queueMicrotask(() => away || rise(own))
    const ask = async <A>(operation: keyof Session, writes: boolean, answer: () => A): Promise<A> => {
      asked.set(operation, (asked.get(operation) ?? 0) + 1)
      await Promise.resolve()
      if (!own.up) {
        throw new Error("Not connected")
      }
      if (writes && refusal) {
        throw refusal
      }
      if (failing === operation) {
        failing = undefined
        throw new Error("Failed")
      }
      return answer()
    }
    return {
      get isUp() {
        return own.up
      },
      publish: (channel, name, payload) => ask("publish", false, () => announce(channel, name, payload)),
      subscribe: (channel, names) =>
        ask("subscribe", false, () => names.forEach((name) => own.channels.add(`${channel}:${name}`))),
      unsubscribe: (channel, names) =>
        ask("unsubscribe", false, () => names.forEach((name) => own.channels.delete(`${channel}:${name}`))),
      append: (batches, { age, size }) =>
        ask("append", true, () => {
          const at = now()
          return batches.map(({ path, payloads, state }) => {
            const kept = paths.get(path) ??
              { epoch: `${randomBytes(4).toString("hex")}${unpublished()}`, top: 0, entries: [], last: undefined }
            paths.set(path, kept)
            for (const [index, payload] of payloads.entries()) {
              const text = `${kept.epoch}:${++kept.top}\n${payload}`
              kept.entries.push({ text, at })
              kept.last = index + 1 === state ? { text, at } : kept.last
              announce("path", path, text)
            }
            kept.entries = kept.entries.slice(-size).filter((entry) => at - entry.at <= age)
            return { epoch: kept.epoch, offset: kept.top }
          })
        }),
      read: (path, since, { age, state = 0 }) =>
        ask("read", false, () => {
          const { entries, epoch, last, top } = paths.get(path) ??
            { entries: [], epoch: unpublished(), top: 0, last: undefined }
          const from = !since ? top : since.epoch === epoch ? since.offset : 0
          const missed = top > from ? entries.slice(-(top - from)) : []
          return {
            epoch,
            start: 0,
            top,
            entries: missed.filter(({ at }) => now() - at <= age).map(({ text }) => text),
            last: last && now() - last.at <= state ? last.text : undefined
          }
        }),
      sever: () => ask("sever", true, () => false),
      clear: (path) =>
        ask("clear", true, () => {
          const kept = paths.get(path)
          if (kept) {
            kept.entries = []
            kept.last = undefined
          }
        }),
      positions: (all) =>
        ask("positions", false, () =>
          all.map((path) => {
            const kept = paths.get(path)
            return { epoch: kept?.epoch ?? unpublished(), offset: kept?.top ?? 0 }
          })),
      enter: ({ bounds: { size }, list, path }, node, changes, extent, head) =>
        ask("enter", true, () => {
          const entries = present.get(path) ?? new Map<string, Entry>()
          present.set(path, entries)
          const kept = paths.get(path) ??
            { epoch: `${randomBytes(4).toString("hex")}${unpublished()}`, top: 0, entries: [], last: undefined }
          const own = (): number => Array.from(entries.values()).filter(({ nodes }) => nodes.has(node)).length
          const before = own()
          if (kept.isPopulated && entries.size === 0) {
            kept.epoch += "-"
          }
          for (const told of apply(entries, list, node, changes, extent)) {
            paths.set(path, kept)
            const text = `${kept.epoch}:${++kept.top}\n${head}${told}`
            kept.entries = [...kept.entries, { text, at: now() }].slice(
              -Math.min(size, Math.max(leastChanges, entries.size))
            )
            announce("path", path, text)
          }
          kept.isPopulated = entries.size > 0
          return { before, after: own() }
        }),
      present: (path, list) =>
        ask("present", false, () => {
          const entries = Array.from(present.get(path) ?? [])
          const { epoch, top } = paths.get(path) ?? { epoch: unpublished(), top: 0 }
          return {
            epoch,
            top,
            count: entries.length,
            members: list ? entries.map(([id, { value }]) => [id, value]) : []
          }
        }),
      members: (path, node) =>
        ask(
          "members",
          false,
          () => Array.from(present.get(path)?.values() ?? []).filter(({ nodes }) => nodes.has(node)).length
        ),
      begin: async (key, digest) => {
        await ask("begin", true, () => undefined)
        return once.begin(key, digest)
      },
      end: async (key, digest, isDone) => {
        await ask("end", true, () => undefined)
        await once.end(key, digest, isDone)
      },
      hold: (node, path) => ask("hold", true, () => void held.set(node, (held.get(node) ?? new Set()).add(path))),
      unhold: (node, path) =>
        ask("unhold", true, () => {
          if (held.get(node)?.delete(path) && held.get(node)?.size === 0) {
            held.delete(node)
          }
        }),
      holders: () => ask("holders", false, () => Array.from(held.keys())),
      holds: (node) => ask("holds", false, () => held.get(node)?.size ?? 0),
      held: (node) => ask("held", false, () => Array.from(held.get(node) ?? [])),
      claim: (user, socket, max, dead) =>
        ask("claim", true, () => {
          const sockets = users.get(user) ?? new Set()
          for (const other of sockets) {
            if (dead.some((node) => other.startsWith(`${node}:`))) {
              sockets.delete(other)
            }
          }
          if (!sockets.has(socket) && sockets.size >= max) {
            return Array.from(sockets)
          }
          users.set(user, sockets.add(socket))
          return undefined
        }),
      release: (user, socket) =>
        ask("release", true, () => {
          const sockets = users.get(user)
          if (sockets?.delete(socket) && sockets.size === 0) {
            users.delete(user)
          }
        }),
      beat: (node, state) =>
        ask("beat", state !== undefined, () => {
          if (state !== undefined) {
            nodes.set(node, { at: now(), state })
          }
          return Array.from(nodes, ([node, { at, state }]): Beat => ({ node, age: now() - at, state }))
            .filter(({ age }) => age <= remembered)
        }),
      leave: (node) => ask("leave", true, () => void nodes.delete(node)),
      // What was asked before is done.
      close: async () => {
        await ask("close", false, () => {}).catch(() => {})
        sessions.splice(sessions.indexOf(own), 1)
        own.up = false
      }
    }
  }

  const rise = (own: Own): void => {
    if (!own.up) {
      own.up = true
      own.observer.up()
    }
  }

  return {
    name: "memory",
    open,
    restore: (chosen = () => true) => {
      away = false
      sessions.filter((_, index) => chosen(index)).forEach(rise)
    },
    cut: (chosen) => {
      away = chosen === undefined
      for (const own of sessions.filter((_, index) => chosen?.(index) ?? true)) {
        own.up = false
        own.channels.clear()
        own.observer.down(new Error("Cut off"))
      }
    },
    lose: () => {
      run = randomBytes(4).toString("hex")
      paths.clear()
      users.clear()
      present.clear()
      once = new MemoryOnce(now, busyFor)
      held.clear()
      nodes.clear()
    },
    keep: () => {
      const maps = [paths, users, present, held, nodes] as ReadonlyArray<Map<string, unknown>>
      const kept = structuredClone(maps)
      return () => {
        run = randomBytes(4).toString("hex")
        for (const [index, map] of maps.entries()) {
          map.clear()
          structuredClone(kept[index])?.forEach((value, key) => map.set(key, value))
        }
      }
    },
    evict: (what) => (what === "present" ? present : held).clear(),
    refuse: (error) => {
      refusal = error
    },
    failNext: (operation) => {
      failing = operation
    },
    mute: (value) => {
      muted = value
    },
    asked,
    sizes: () => [paths.size, users.size, nodes.size]
  }
})
