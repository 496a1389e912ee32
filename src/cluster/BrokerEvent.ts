/** What happens between a node and the engine of its cluster. */
import * as Data from "effect/Data"

/**
 * What a broker tells of Redis:
 * - `Up`: connected, for the first time or again; `outage` is how long it was away (ms)
 * - `Down`: it cannot be reached, or does not answer; said once until it is back. Local delivery goes on
 * - `Unshared`: a publish without recovery, a broadcast, a revocation or a disconnection did not reach the other nodes
 * - `Refusing`: it is there but refuses to write: out of memory, read-only, too few replicas; said once until it
 * accepts
 * - `Accepting`: it writes again; `refusal` is how long it did not (ms)
 */
export type BrokerEvent = Data.TaggedEnum<{
  Up: { readonly outage: number }
  Down: { readonly error: unknown }
  Unshared: { readonly type: string; readonly error: unknown }
  Refusing: { readonly error: unknown }
  Accepting: { readonly refusal: number }
}>

/** Constructors and matchers of `BrokerEvent`. */
export const BrokerEvent = Data.taggedEnum<BrokerEvent>()
