/** The small port below a cluster, on Redis. */
import { ErrorReply } from "@redis/client"
import { randomBytes } from "node:crypto"
import { positionOf } from "../cluster/ClusterCodec.js"
import { busyFor, type Engine, Refused, stateAge } from "../cluster/Engine.js"
import type * as Message from "../protocol/Message.js"
import { knownFor, type Standing } from "../server/api/Once.js"
import type { Bounds } from "../server/recovery/Bounds.js"
import * as RedisConnection from "./RedisConnection.js"
import * as Scripts from "./Scripts.js"

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

// What Redis did not answer: its client has a class for each way to lose the connection, and Node has codes.
const isLoss = (error: Error): boolean =>
  !(error instanceof ErrorReply || error instanceof TypeError) && (error.constructor !== Error || "code" in error)

// What scripts answer.
type Rows = ReadonlyArray<ReadonlyArray<string>>
type Present = readonly [epoch: string, top: number, count: number, rows: Rows]
type Read = readonly [epoch: string, start: number, top: number, entries: ReadonlyArray<string>, last: string | null]

const open = (options: EngineOptions): Engine["open"] => (observer) => {
  const { durable, prefix, timeout } = options
  const connection = RedisConnection.open(options, timeout, observer)
  // What is in braces decides on which server of a Redis Cluster a key or a sharded channel is.
  const key = (kind: string, name: string): string => `${prefix}:${kind}:{${name}}`
  const publish = connection.isSharded ? "SPUBLISH" : "PUBLISH"
  const [nodes, holders] = [key("nodes", "nodes"), key("holders", "holders")]
  const lossless = durable ? 1 : 0

  const faultOf = (error: Error): Error => {
    if (isLoss(error)) {
      return new Error("Redis went away before it answered", { cause: error })
    }
    if (!refusal.test(error.message)) {
      return error
    }
    if (error.message.includes("READONLY")) {
      connection.demoted?.()
    }
    return new Refused(error.message, { cause: error })
  }
  const ask = <A>(work: Promise<A>): Promise<A> => work.catch((error: Error) => Promise.reject(faultOf(error)))
  const run = (script: Scripts.Script, keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) =>
    ask(script(connection, keys, args.map(String)))
  const command = (verb: string, of: string, ...args: ReadonlyArray<string>): Promise<unknown> =>
    ask(connection.command(of, [verb, of, ...args]))
  const members = async (set: string) => (await command("SMEMBERS", set) as ReadonlyArray<unknown>).map(String)

  const keysOf = (path: string) => [key("state", path), key("path", path)]
  // Of what is kept.
  const termsOf = ({ age, size, state = 0 }: Bounds) => [
    lossless,
    nonce(),
    age,
    Math.max(stateAge, 2 * age, 2 * state),
    size,
    publish
  ]
  const positionsOf = async (paths: ReadonlyArray<string>) => {
    const lines = await run(Scripts.positions, paths.map((path) => key("state", path)), [lossless]) as string
    return lines.split("\n").map(positionOf)
  }

  return {
    get isUp() {
      return connection.isUp
    },
    publish: async (channel, name, payload) => Number(await command(publish, key(channel, name), payload)),
    subscribe: (channel, names) => ask(connection.subscribe(names.map((name) => key(channel, name)))),
    unsubscribe: (channel, names) => ask(connection.unsubscribe(names.map((name) => key(channel, name)))),
    append: async (batches, bounds) => {
      const terms = termsOf(bounds)
      const ask = async (some: typeof batches): Promise<ReadonlyArray<Message.Position | Error>> => {
        const counts = some.map(({ payloads, state }) => `${payloads.length}:${state}`).join()
        const args = [...terms, counts, ...some.flatMap(({ payloads }) => payloads)]
        const lines = await run(Scripts.append, some.flatMap(({ path }) => keysOf(path)), args) as string
        return lines.split("\n").map((line) =>
          line.startsWith("!") ? faultOf(new Error(line.slice(1))) : positionOf(line)
        )
      }
      return connection.isSharded
        ? (await Promise.all(batches.map((batch) => ask([batch]).catch((error: Error) => [error])))).flat()
        : ask(batches)
    },
    read: async (path, since, { age, size, state = 0 }) => {
      const terms = [lossless, age, since ? since.epoch ?? "" : "-", since?.offset ?? 0, state, size]
      const [epoch, start, top, entries, last] = await run(Scripts.read, keysOf(path), terms) as Read
      return { epoch, start, top, entries, last: last ?? undefined }
    },
    sever: async (path, age) => await run(Scripts.sever, [key("state", path)], [lossless, age]) === 1,
    clear: async (path) => {
      await run(Scripts.clear, keysOf(path), [])
    },
    positions: async (paths) =>
      connection.isSharded ? (await Promise.all(paths.map((path) => positionsOf([path])))).flat() : positionsOf(paths),
    enter: async ({ bounds, list, path }, node, changes, extent, head) => {
      const [before, after] = await run(Scripts.enter, [...keysOf(path), key("present", path)], [
        ...termsOf(bounds),
        head,
        list ? 1 : 0,
        extent,
        claimAge,
        node,
        ...changes.flatMap(([id, value]) => [JSON.stringify(id), value === undefined ? "" : value ?? "-"])
      ]) as readonly [number, number]
      return { before, after }
    },
    present: async (path, list) => {
      const keys = [key("state", path), key("present", path)]
      const terms = [lossless, list ? 1 : 0]
      const [epoch, top, count, rows] = await run(Scripts.present, keys, terms) as Present
      const members = rows.map(([id = "", value = ""]) => [JSON.parse(id) as string, value] as const)
      return { epoch, top, count, members }
    },
    members: async (path, node) => Number(await command("HGET", key("present", path), node) ?? 0),
    begin: async (name, digest) => String(await run(Scripts.begin, [key("once", name)], [digest, busyFor])) as Standing,
    end: async (name, digest, isDone) => {
      await run(Scripts.end, [key("once", name)], [digest, isDone ? 1 : 0, knownFor])
    },
    hold: async (node, path) => {
      const held = key("held", node)
      await command("SADD", held, path)
      await command("PEXPIRE", held, String(heldAge))
      await command("SADD", holders, node)
    },
    unhold: async (node, path) => {
      const held = key("held", node)
      await command("SREM", held, path)
      if (Number(await command("SCARD", held)) === 0) {
        await command("SREM", holders, node)
      }
    },
    holders: () => members(holders),
    holds: async (node) => Number(await command("SCARD", key("held", node))),
    held: (node) => members(key("held", node)),
    claim: async (user, socket, max, dead) => {
      const others = await run(Scripts.claim, [key("claims", user)], [socket, max, claimAge, ...dead])
      return Array.isArray(others) && others.length > 0 ? others.map(String) : undefined
    },
    release: async (user, socket) => void await command("SREM", key("claims", user), socket),
    beat: async (node, state) => {
      const beats = await run(Scripts.beat, [nodes], state === undefined ? [node] : [node, state]) as Rows
      return beats.map(([node = "", age, state = ""]) => ({ node, age: Number(age), state }))
    },
    leave: async (node) => void await command("HDEL", nodes, node),
    close: connection.close
  }
}

export const make = (options: EngineOptions): Engine => ({ name: "Redis", open: open(options) })
