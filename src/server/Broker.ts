/**
 * The port through which nodes reach each other's connections. Filters and hooks always run on the node that owns the
 * connection.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Message from "../protocol/Message.js"
import { MemoryOnce, type Once } from "./api/Once.js"
import type { Command } from "./Command.js"
import { monotonicClock } from "./connection/Deadlines.js"
import * as Groups from "./Groups.js"
import { MemoryPresence } from "./presence/MemoryPresence.js"
import type { Local, Presences } from "./presence/Present.js"
import type { History } from "./recovery/History.js"
import { MemoryHistory } from "./recovery/MemoryHistory.js"

/** @since 0.1.0 */
export type { Bounds } from "./recovery/Bounds.js"

/** @since 0.1.0 */
export type { Broadcast, Command, Disconnect, Publish, Published, Revoke, Target } from "./Command.js"

/** @since 1.0.0 */
export type { Change, Extent, Local, Member, Place, Presences, Present, Reading } from "./presence/Present.js"

/** @since 1.0.0 */
export type { Once, Standing } from "./api/Once.js"

/** @since 0.1.0 */
export type { History, Page, Since } from "./recovery/History.js"

/**
 * The nodes could not be reached, or have not confirmed: it is not known what became of a command. Nothing is wrong
 * with the command itself.
 *
 * @since 1.0.0
 * @category errors
 */
export class BrokerError extends Data.TaggedError("BrokerError")<{
  readonly message: string
  readonly cause: unknown
}> {}

/**
 * A count over the cluster: the sum over the nodes that answered, how many those are, and how many did not in time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tally {
  readonly total: number
  readonly nodes: number
  readonly silent: number
}

/**
 * What nodes answered to a question of an operator's (docs/inspector.md), and those that there should be and that did
 * not answer in time.
 *
 * @since 1.0.0
 * @category models
 */
export interface Answers {
  readonly answers: ReadonlyMap<string, unknown>
  readonly silent: ReadonlyArray<string>
}

/**
 * Who is connected where, for limits that hold over all nodes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Claims {
  /** Counts a connection of a user in, unless there are `max` others. */
  readonly claim: (user: string, socket: string, max: number) => Promise<boolean>
  readonly release: (user: string, socket: string) => void
}

/**
 * A node, as a broker sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Node {
  /** Unique among the nodes; the ids of its sockets begin with it and a colon. */
  readonly id: string
  /** Carries a command out on the node's own connections. */
  readonly deliver: (command: Command) => Promise<void>
  /** Whether anyone here is subscribed to a path, or about to be. */
  readonly listens: (path: string) => boolean
  /** How many connections there are here, or subscribers of a path. */
  readonly count: (path: string | undefined) => number
  /** Whether it serves anyone: a program that only publishes hears nothing of others. */
  readonly serves: boolean
  /** How many connections there are here, whether they have said hello or not. */
  readonly connections: () => number
  /** Sends some clients away within a time (ms), of those that wait for nothing. */
  readonly shed: (count: number, within: number) => Promise<void>
  /** Whether a path has recovery, and someone here follows it. */
  readonly recovers: (path: string) => boolean
  /** How far such a path has come here; `undefined` where it is to be read. */
  readonly reached: (path: string) => Message.Position | undefined
  /** Has the history of a path read again: announcements may have been missed. */
  readonly refresh: (path: string) => Promise<void> | undefined
  /** What it has to say of presence. Absent where it has no connections. */
  readonly presence?: (() => Local | undefined) | undefined
  /** Answers a question of an operator's, in JSON; `undefined` where nobody may ask. */
  readonly answer?: ((question: unknown) => Promise<unknown> | undefined) | undefined
  /** Takes note of what has no caller to go to. */
  readonly log: (tags: ReadonlyArray<string>, data: unknown) => void
}

/**
 * How it stands with what nodes share, as one of them sees it: the engine, and what was counted.
 *
 * @since 1.0.0
 * @category models
 */
export interface Health {
  readonly name: string
  readonly connected: boolean
  /** How long the engine took to answer last (ms). */
  readonly latency: number | undefined
  readonly counts: Readonly<Record<string, number>>
}

/**
 * A node's place among the others.
 *
 * @since 0.1.0
 * @category models
 */
export interface Membership {
  /**
   * Has a command carried out on every node, this one included. It ends when this node has done its part, and a
   * revocation or a disconnection when every node it concerns has, or fails where that is not known; an update that is
   * to be kept fails where it was not. For what happens between nodes it fails with a `BrokerError`.
   */
  readonly send: (command: Command) => Promise<void>
  readonly history: History
  readonly presences: Presences
  readonly once: Once
  /** A count over all nodes: of connections, or of the subscribers of a path. Fails with a `BrokerError`. */
  readonly count: (path: string | undefined) => Promise<Tally>
  /**
   * To be called when a path may have got its first subscriber here, or lost its last. Ends when updates of the path
   * reach this node, or cannot for now. Absent where they always do.
   */
  readonly interest?: ((path: string) => Promise<void> | undefined) | undefined
  /** Absent where this node is alone. */
  readonly claims?: Claims | undefined
  /** Has every node answer a question of an operator's. Does not fail. Absent where only this node can. */
  readonly ask?: ((question: unknown) => Promise<Answers>) | undefined
  /** How it stands with what the nodes share, for operators. Absent where there is nothing to tell. */
  readonly health?: (() => Health) | undefined
  /** Takes part for as long as the scope is open. Absent where there is nothing to open. */
  readonly open?: Effect.Effect<void, never, Scope.Scope> | undefined
}

/**
 * How nodes find each other.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Gives a node its place, until the scope closes. */
  readonly join: (node: Node) => Effect.Effect<Membership, never, Scope.Scope>
}

const together = (
  nodes: ReadonlySet<Node>,
  deliver: (command: Command) => Promise<void>,
  now: () => number
): Membership => {
  const history = new MemoryHistory((path) => Array.from(nodes).some((node) => node.listens(path)), now)
  return {
    send: (command) =>
      deliver(command.type === "publish" && command.recovery ? history.append(command, command.recovery) : command),
    history,
    presences: new MemoryPresence(history, deliver),
    once: new MemoryOnce(now),
    ask: async (question) => {
      const answers = new Map<string, unknown>()
      const silent: Array<string> = []
      await Promise.all(Array.from(nodes, async ({ answer, id }) => {
        const answered = await answer?.(question)
        return answered === undefined ? silent.push(id) : answers.set(id, answered)
      }))
      return { answers, silent }
    },
    count: (path) =>
      Promise.resolve({
        total: Array.from(nodes, (node) => node.count(path)).reduce((sum, count) => sum + count, 0),
        nodes: nodes.size,
        silent: 0
      })
  }
}

/**
 * The broker. Without one, a server keeps to itself.
 *
 * @since 0.1.0
 * @category tags
 */
export const Broker: Context.Reference<Service> = Context.Reference("effect-nes/server/Broker", {
  defaultValue: (): Service => ({
    join: (node) => Effect.map(monotonicClock, (now) => together(new Set([node]), node.deliver, now))
  })
})

/**
 * A broker in memory: the servers of one process that share it act as the nodes of a cluster.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.map(monotonicClock, (now) => {
  const nodes = new Set<Node>()
  const users: Groups.Groups<string, string> = new Map()
  const membership: Membership = {
    ...together(
      nodes,
      (command) => Promise.all(Array.from(nodes, (each) => each.deliver(command))).then(() => undefined),
      now
    ),
    claims: {
      claim: (user, socket, max) => {
        const sockets = users.get(user)
        if (sockets && sockets.size - (sockets.has(socket) ? 1 : 0) >= max) {
          return Promise.resolve(false)
        }
        Groups.add(users, user, socket)
        return Promise.resolve(true)
      },
      release: (user, socket) => Groups.remove(users, user, socket)
    }
  }
  return {
    join: (node) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          nodes.add(node)
          return membership
        }),
        () =>
          Effect.promise(async () => {
            nodes.delete(node)
            await membership.presences.left?.(node.id)
          })
      )
  }
})

/**
 * A broker in memory, shared by the servers the layer is provided to.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<never> = Layer.effect(Broker, makeMemory)
