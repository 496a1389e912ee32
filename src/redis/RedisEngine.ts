/** The small port below a cluster, on Redis. */
import { randomBytes } from "node:crypto"
import {
  busyFor,
  type Channel,
  type Engine,
  type Observer,
  Refused,
  type Session,
  stateAge
} from "../cluster/Engine.js"
import { knownFor, type Standing } from "../server/api/Once.js"
import * as RedisConnection from "./RedisConnection.js"
import * as Scripts from "./Scripts.js"

/** What the engine is made of. */
interface EngineOptions extends RedisConnection.Address {
  readonly prefix: string
  readonly timeout: number
  readonly durable: boolean
}

// How long connections count unless one of the user's is counted in again (ms): a few times as long as it takes.
const claimAge = 60 * 60 * 1_000

// How long a node's places are remembered (ms): others see to them before.
const heldAge = 7 * 24 * 60 * 60 * 1_000

// A path that begins needs a text that no other beginning has. As few do, a random one for each update would be dear.
const ours = randomBytes(6).toString("hex")
let count = 0
const nonce = (): string => ours + (count++).toString(36)

// Older servers put what a script was refused by into a sentence of their own.
const refusal = /(?:^|-)(?:OOM|READONLY|NOREPLICAS|MISCONF)\b/

const open = (options: EngineOptions, observer: Observer): Session => {
  const { durable, prefix, timeout } = options
  const connection = RedisConnection.open(options, timeout, observer)
  // What is in braces decides on which server of a Redis Cluster a key or a sharded channel is.
  const key = (kind: string, name: string): string => `${prefix}:${kind}:{${name}}`
  const lossless = durable ? 1 : 0

  const ask = async <A>(work: Promise<A>): Promise<A> => {
    try {
      return await work
    } catch (error) {
      if (error instanceof Error && refusal.test(error.message)) {
        if (error.message.includes("READONLY")) {
          connection.demoted()
        }
        throw new Refused(error.message, { cause: error })
      }
      throw error
    }
  }
  const run = (script: Scripts.Script, keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) =>
    ask(script.run(connection, keys, args))
  const command = (of: string, ...args: ReadonlyArray<string>) => ask(connection.command(of, [...args]))

  const positionsOf = async (paths: ReadonlyArray<string>) => {
    const lines = await run(Scripts.positions, paths.map((path) => key("state", path)), [lossless]) as string
    return lines.split("\n").map((line) => {
      const colon = line.indexOf(":")
      return { epoch: line.slice(colon + 1), offset: Number(line.slice(0, colon)) }
    })
  }

  return {
    get isUp() {
      return connection.isUp
    },
    publish: async (channel: Channel, name, payload) => {
      const full = key(channel, name)
      return Number(await command(full, connection.publish, full, payload))
    },
    subscribe: (channel, names) => connection.subscribe(names.map((name) => key(channel, name))),
    unsubscribe: (channel, names) => connection.unsubscribe(names.map((name) => key(channel, name))),
    append: async (path, payloads, { age, size, state = 0 }, last = 0) => {
      const keys = [key("state", path), key("kept", path), key("path", path)]
      const terms = [
        lossless,
        nonce(),
        age,
        Math.max(stateAge, 2 * age, 2 * state),
        size,
        connection.publish,
        last
      ]
      const [epoch, offset] = await run(Scripts.append, keys, [...terms, ...payloads]) as readonly [string, number]
      return { epoch, offset }
    },
    read: async (path, since, { age, state = 0 }) => {
      const keys = [key("state", path), key("kept", path)]
      const terms = [lossless, age, since ? since.epoch ?? "" : "-", since?.offset ?? 0, state]
      const [epoch, start, top, entries, last] = await run(Scripts.read, keys, terms) as readonly [
        string,
        number,
        number,
        ReadonlyArray<string>,
        string | null
      ]
      return { epoch, start, top, entries, last: last ?? undefined }
    },
    sever: async (path, age) => await run(Scripts.sever, [key("state", path)], [lossless, age]) === 1,
    clear: async (path) => {
      await run(Scripts.clear, [key("state", path), key("kept", path)], [])
    },
    positions: async (paths) =>
      connection.spans ? positionsOf(paths) : (await Promise.all(paths.map((path) => positionsOf([path])))).flat(),
    enter: async ({ bounds: { age, size }, list, path }, node, changes, extent, head) => {
      const keys = [
        key("state", path),
        key("kept", path),
        key("path", path),
        key("present", path)
      ]
      const terms = [
        lossless,
        nonce(),
        age,
        Math.max(stateAge, 2 * age),
        size,
        connection.publish,
        0,
        head,
        list ? 1 : 0,
        extent,
        claimAge,
        node
      ]
      const [before, after] = await run(Scripts.enter, keys, [
        ...terms,
        ...changes.flatMap(([id, value]) => [JSON.stringify(id), value === undefined ? "" : value ?? "-"])
      ]) as readonly [number, number]
      return { before, after }
    },
    present: async (path, list) => {
      const keys = [key("state", path), key("present", path)]
      const [epoch, top, count, fields] = await run(Scripts.present, keys, [lossless, list ? 1 : 0]) as readonly [
        string,
        number,
        number,
        ReadonlyArray<string>
      ]
      const members = Array.from(
        { length: fields.length / 2 },
        (_, n) => [fields[2 * n] ?? "", fields[2 * n + 1] ?? ""]
      )
        .filter(([id = ""]) => id.startsWith("\""))
        .map(([id = "", value = ""]) => [JSON.parse(id) as string, value.slice(value.indexOf(":") + 1)] as const)
      return { epoch, top, count, members }
    },
    members: async (path, node) => Number(await command(key("present", path), "HGET", key("present", path), node) ?? 0),
    begin: async (name, digest) => String(await run(Scripts.begin, [key("once", name)], [digest, busyFor])) as Standing,
    end: async (name, digest, isDone) => {
      await run(Scripts.end, [key("once", name)], [digest, isDone ? 1 : 0, knownFor])
    },
    hold: async (node, path) => {
      const [held, holders] = [key("held", node), key("holders", "holders")]
      await command(held, "SADD", held, path)
      await command(held, "PEXPIRE", held, String(heldAge))
      await command(holders, "SADD", holders, node)
    },
    unhold: async (node, path) => {
      const [held, holders] = [key("held", node), key("holders", "holders")]
      await command(held, "SREM", held, path)
      if (Number(await command(held, "SCARD", held)) === 0) {
        await command(holders, "SREM", holders, node)
      }
    },
    holders: async () => {
      const holders = key("holders", "holders")
      return (await command(holders, "SMEMBERS", holders) as ReadonlyArray<string>).map(String)
    },
    holds: async (node) => {
      const held = key("held", node)
      return Number(await command(held, "SCARD", held))
    },
    held: async (node) => {
      const held = key("held", node)
      return (await command(held, "SMEMBERS", held) as ReadonlyArray<string>).map(String)
    },
    claim: async (user, socket, max, dead) => {
      const others = await run(Scripts.claim, [key("claims", user)], [socket, max, claimAge, ...dead])
      return Array.isArray(others) && others.length > 0 ? others.map(String) : undefined
    },
    release: async (user, socket) => {
      const claims = key("claims", user)
      await command(claims, "SREM", claims, socket)
    },
    beat: async (node, state) => {
      const nodes = key("nodes", "nodes")
      const all = await run(Scripts.beat, [nodes], state === undefined ? [node] : [node, state]) as ReadonlyArray<
        string
      >
      return Array.from({ length: all.length / 3 }, (_, n) => ({
        node: all[3 * n] ?? "",
        age: Number(all[3 * n + 1]),
        state: all[3 * n + 2] ?? ""
      }))
    },
    leave: async (node) => {
      const nodes = key("nodes", "nodes")
      await command(nodes, "HDEL", nodes, node)
    },
    close: connection.close
  }
}

/** Makes the engine. */
export const make = (options: EngineOptions): Engine => ({ name: "Redis", open: (observer) => open(options, observer) })
