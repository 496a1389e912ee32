/** How long a connection may take to say who it is, how long it may last, and how long its end may take. */
import type * as Clock from "effect/Clock"
import * as CloseCode from "../../protocol/CloseCode.js"
import type { Settings } from "../Settings.js"
import type { Connection } from "./Connection.js"
import { Deadlines, type Fork } from "./Deadlines.js"

// How long a deadline is that is never set does not matter.
const noDeadline = 0

// A refused client closes by itself; this is for one that does not.
const refusalGrace = 1_000

/** The deadlines of a node's connections. */
export class Lifetimes {
  /** Until when a new connection has to say hello. */
  readonly hello: Deadlines<Connection>
  /** Until when it has to authenticate, where it must. */
  readonly unauthenticated: Deadlines<Connection>
  /** Until when the application has to have answered: whether a client may upgrade, who it is, whether that holds. */
  readonly authentication: Deadlines<() => void>
  /** How long a refused connection stays open, so that the client gets to read why. */
  readonly refusal: Deadlines<Connection>
  private readonly age: Deadlines<Connection>

  constructor(
    private readonly settings: Settings,
    readonly clock: Clock.Clock,
    fork: Fork,
    exceed: (limit: "helloTimeout" | "maxConnectionAge", connection: Connection) => void,
    /** How long hooks of a closed connection, or messages of one that is too old, hold up its end. */
    private readonly farewell: Deadlines<() => void>
  ) {
    const { auth, limits } = settings
    const close = (connection: Connection): void => void connection.close()
    this.hello = new Deadlines(limits.helloTimeout || noDeadline, clock, fork, (connection) => {
      exceed("helloTimeout", connection)
      void connection.close(CloseCode.policyViolation, "No hello in time")
    })
    this.unauthenticated = new Deadlines((auth && auth.timeout) || noDeadline, clock, fork, close)
    this.authentication = new Deadlines<() => void>(limits.authTimeout || noDeadline, clock, fork, (expire) => expire())
    this.refusal = new Deadlines(refusalGrace, clock, fork, close)
    this.age = new Deadlines(limits.maxConnectionAge || noDeadline, clock, fork, (connection) => {
      exceed("maxConnectionAge", connection)
      void this.atMost(connection.idle).then(() => connection.close(CloseCode.goingAway, "Connection is too old"))
    })
  }

  /** A connection has begun. */
  begin(connection: Connection, mustAuthenticate: () => boolean): void {
    const { auth, limits } = this.settings
    if (auth && auth.timeout && mustAuthenticate()) {
      this.unauthenticated.set(connection)
    }
    if (limits.helloTimeout) {
      this.hello.set(connection)
    }
    if (limits.maxConnectionAge) {
      this.age.set(connection)
    }
  }

  /** A connection has closed. */
  end(connection: Connection): void {
    for (const deadlines of [this.hello, this.unauthenticated, this.age, this.refusal]) {
      deadlines.clear(connection)
    }
  }

  /** Ends when something has, or has taken too long. */
  async atMost(work: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      this.farewell.set(resolve)
      void work.then(() => {
        this.farewell.clear(resolve)
        resolve()
      })
    })
  }

  /** Leaves no timer behind. */
  reset(): void {
    for (
      const deadlines of [this.hello, this.unauthenticated, this.age, this.authentication, this.refusal, this.farewell]
    ) {
      deadlines.reset()
    }
  }
}
