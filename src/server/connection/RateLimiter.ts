/** How much a connection may send and how many errors it may cause: with more it is heard no more. */
import type * as Clock from "effect/Clock"
import * as CloseCode from "../../protocol/CloseCode.js"
import type { Limits } from "./Limits.js"

const minute = 60

/** A bucket that starts full and fills at a steady rate. */
export class TokenBucket {
  private tokens: number

  /** `rate` is in tokens a second, `now` in milliseconds; no more than `capacity` are kept. */
  constructor(private readonly rate: number, private now: number, private readonly capacity = rate) {
    this.tokens = capacity
  }

  /** Takes a token, if there is one. */
  take(now: number): boolean {
    this.tokens = Math.min(this.capacity, this.tokens + Math.max(0, now - this.now) * this.rate / 1000)
    this.now = now
    if (this.tokens < 1) {
      return false
    }
    this.tokens--
    return true
  }
}

/** Whose messages and errors are counted. */
interface Counted {
  /** Messages it may still send for now; present when it has sent one, and there is a limit. */
  messages: TokenBucket | undefined
  /** Errors it may still cause for now; present when it has caused one, and there is a limit. */
  errors: TokenBucket | undefined
  readonly isOpen: boolean
  readonly abandon: (code: number, reason: string) => void
}

/** Counts for the connections of a server. What is asked returns whether one went too far: then it closes. */
export class RateLimiter<C extends Counted> {
  constructor(
    private readonly limits: Limits,
    private readonly clock: Clock.Clock,
    private readonly exceeded: (
      limit: "maxMessagesPerSecond" | "maxHelloMessages" | "maxErrors",
      connection: C
    ) => void
  ) {}

  /** A message came, or a frame of the WebSocket's own. */
  message(connection: C): boolean {
    const { maxMessagesPerSecond } = this.limits
    if (maxMessagesPerSecond === Infinity) {
      return false
    }
    const now = this.clock.currentTimeMillisUnsafe()
    connection.messages ??= new TokenBucket(maxMessagesPerSecond, now)
    return !connection.messages.take(now) && this.exceed("maxMessagesPerSecond", connection, "Too many messages")
  }

  /** A message came before the hello; `opening` counts them. */
  early(connection: C, opening: { early: number }): boolean {
    return ++opening.early > this.limits.maxHelloMessages &&
      this.exceed("maxHelloMessages", connection, "Too many messages before hello")
  }

  /** An error was answered. Faults of the server's do not count against a client. */
  error(connection: C, statusCode: number | undefined): boolean {
    const { maxErrors } = this.limits
    if (maxErrors === Infinity || statusCode === undefined || statusCode >= 500) {
      return false
    }
    const now = this.clock.currentTimeMillisUnsafe()
    connection.errors ??= new TokenBucket(maxErrors / minute, now, maxErrors)
    return !connection.errors.take(now) && this.exceed("maxErrors", connection, "Too many errors")
  }

  private exceed(limit: Parameters<RateLimiter<C>["exceeded"]>[0], connection: C, reason: string): boolean {
    if (connection.isOpen) {
      this.exceeded(limit, connection)
      connection.abandon(CloseCode.policyViolation, reason)
    }
    return true
  }
}
