/** Finds the subscription a path belongs to, by the rules of hapi's router. */
import * as Call from "@hapi/call"
import type { Subscription } from "./Subscription.js"

/** A subscription and the parameters of the path that led to it. */
export interface Match {
  readonly subscription: Subscription
  readonly params: Readonly<Record<string, string>>
}

// Half a surrogate pair has no UTF-8: paths that differ in one would be the same to other nodes.
const halfPair = /\p{Cs}/u

/** The declared subscriptions. */
export class Router {
  private readonly router = new Call.Router<Subscription>()

  /** Declares a subscription; throws if its path is invalid or conflicts with another. */
  add(path: string, subscription: Subscription): void {
    this.router.add({ method: "sub", path }, subscription)
  }

  /** The subscription of a path; `undefined` if there is none or the path does not decode. */
  match(path: string): Match | undefined {
    if (!path.startsWith("/") || halfPair.test(path)) {
      return undefined
    }
    const match = this.router.route("sub", path)
    return match instanceof Error ? undefined : { subscription: match.route, params: match.params }
  }
}
