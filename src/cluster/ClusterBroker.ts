/** The Broker port over an engine: what makes a cluster of nodes that share one. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { rootless } from "../protocol/Tracing.js"
import type * as Broker from "../server/Broker.js"
import type { BrokerEvent } from "./BrokerEvent.js"
import { ClusterNode, type ClusterOptions } from "./ClusterNode.js"
import type { Engine } from "./Engine.js"

export interface Service extends Broker.Service {
  /** What happens from now on between this process's nodes and the engine. A slow consumer loses the oldest. */
  readonly events: Stream.Stream<BrokerEvent>
}

// Events that wait for a consumer.
const backlog = 256

/** Makes a broker. It connects when a node takes part, as a server that listens does. */
export const make = (engine: Engine, options: ClusterOptions): Effect.Effect<Service> =>
  Effect.map(PubSub.sliding<BrokerEvent>(backlog), (events) => ({
    events: Stream.fromPubSub(events),
    join: (node) =>
      Effect.map(rootless(), (context) => {
        const happened = (event: BrokerEvent): void => {
          PubSub.publishUnsafe(events, event)
          try {
            options.onEvent?.(event)
          } catch (error) {
            node.log(["nes", "onEvent", "error"], error)
          }
        }
        return new ClusterNode(node, engine, options, context, happened)
      })
  }))
