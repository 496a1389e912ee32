/**
 * The port through which nodes reach each other's connections. Filters and hooks always run on the node that owns the
 * connection.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * A subscription update for the subscribers of a path.
 *
 * @since 0.1.0
 * @category models
 */
export interface Publish {
  readonly type: "publish"
  readonly path: string
  readonly message: unknown
  /** For the filter only; never sent to clients. */
  readonly internal: unknown
  /** Only to subscribers of this user, if given. */
  readonly user: unknown
}

/**
 * A message for all connections, or those of one user.
 *
 * @since 0.1.0
 * @category models
 */
export interface Broadcast {
  readonly type: "broadcast"
  readonly message: unknown
  readonly user: unknown
}

/**
 * What one node may ask of all.
 *
 * @since 0.1.0
 * @category models
 */
export type Command = Publish | Broadcast

/**
 * A node, as a broker sees it: `deliver` carries a command out on the node's own connections.
 *
 * @since 0.1.0
 * @category models
 */
export interface Node {
  readonly deliver: (command: Command) => Promise<void>
}

/**
 * A node's place among the others: `send` has a command carried out on every node, this one included. It ends when this
 * node has done its part.
 *
 * @since 0.1.0
 * @category models
 */
export interface Membership {
  readonly send: (command: Command) => Promise<void>
}

/**
 * How nodes find each other.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Makes a node reachable until the scope closes. */
  readonly join: (node: Node) => Effect.Effect<Membership, never, Scope.Scope>
}

/**
 * The broker. Without one, a server keeps to itself.
 *
 * @since 0.1.0
 * @category tags
 */
export class Broker extends Context.Reference<Broker>()("effect-nes/server/Broker", {
  defaultValue: (): Service => ({ join: (node) => Effect.succeed({ send: node.deliver }) })
}) {}

/**
 * A broker in memory: the servers of one process that share it act as the nodes of a cluster.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.sync(() => {
  const nodes = new Set<Node>()
  return {
    join: (node) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          nodes.add(node)
          return {
            send: (command) => Promise.all(Array.from(nodes, (each) => each.deliver(command))).then(() => undefined)
          }
        }),
        () => Effect.sync(() => nodes.delete(node))
      )
  }
})

/**
 * A broker in memory, shared by the servers the layer is provided to.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<Broker> = Layer.effect(Broker, makeMemory)
