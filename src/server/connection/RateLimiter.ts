/** How much a connection may send and how many errors it may cause: with more it is heard no more. */
import type * as Clock from "effect/Clock"
import type { Metrics } from "../telemetry/Metrics.js"
import type { Connection } from "./Connection.js"
import type { Limits } from "./Limits.js"
import { TokenBucket } from "./TokenBucket.js"

const minute = 60

/** Counts for the connections of a server. What is asked returns whether the connection went too far: then it closes. */
export class RateLimiter {
  constructor(
    private readonly limits: Limits,
    private readonly metrics: Metrics,
    private readonly clock: Clock.Clock
  ) {}

  /** A message came, or a frame of the WebSocket's own. */
  message(connection: Connection): boolean {
    const { maxMessagesPerSecond } = this.limits
    if (maxMessagesPerSecond === Infinity) {
      return false
    }
    const now = this.clock.currentTimeMillisUnsafe()
    connection.messages ??= new TokenBucket(maxMessagesPerSecond, now)
    return !connection.messages.take(now) && this.exceed("maxMessagesPerSecond", connection, "Too many messages")
  }

  /** A message came before the hello. */
  early(connection: Connection): boolean {
    return ++connection.early > this.limits.maxHelloMessages &&
      this.exceed("maxHelloMessages", connection, "Too many messages before hello")
  }

  /** An error was answered. Faults of the server's do not count against a client. */
  error(connection: Connection, statusCode: number | undefined): boolean {
    const { maxErrors } = this.limits
    if (maxErrors === Infinity || statusCode === undefined || statusCode >= 500) {
      return false
    }
    const now = this.clock.currentTimeMillisUnsafe()
    connection.errors ??= new TokenBucket(maxErrors / minute, now, maxErrors)
    return !connection.errors.take(now) && this.exceed("maxErrors", connection, "Too many errors")
  }

  private exceed(
    limit: "maxMessagesPerSecond" | "maxHelloMessages" | "maxErrors",
    connection: Connection,
    reason: string
  ): boolean {
    if (connection.isOpen) {
      this.metrics.exceed(limit, connection)
      connection.abandon(1008, reason)
    }
    return true
  }
}
