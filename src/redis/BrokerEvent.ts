/**
 * What happens between a node and Redis.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * - `Up`: connected, for the first time or again; `outage` is how long Redis was away (ms)
 * - `Down`: Redis cannot be reached, or does not answer; said once until it is back. Local delivery goes on
 * - `Unshared`: a publish without recovery, a broadcast, a revocation or a disconnection did not reach the other nodes
 *
 * @since 0.1.0
 * @category models
 */
export type BrokerEvent = Data.TaggedEnum<{
  Up: { readonly outage: number }
  Down: { readonly error: unknown }
  Unshared: { readonly type: string; readonly error: unknown }
}>

/**
 * Constructors and matchers of `BrokerEvent`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const BrokerEvent = Data.taggedEnum<BrokerEvent>()
