/** How long a connection may take to say who it is, how long it may last, and how long its end may take. */
import * as Effect from "effect/Effect"
import * as CloseCode from "../../protocol/CloseCode.js"
import type { NodeContext } from "../NodeContext.js"
import type { Connection } from "./Connection.js"
import { Deadlines, monotonic } from "./Deadlines.js"

// A refused client closes by itself; this is for one that does not.
const refusalGrace = 1_000

// Hooks of a closed connection that take longer hold up its `onDisconnection` no more; nor do messages that are being
// answered hold up the end of one that has become too old.
const farewellGrace = 1_000

/** As `NesServer.Draining`, in ms. */
export interface DrainOptions {
  readonly within?: number | undefined
  readonly code?: number | undefined
  readonly reason?: string | undefined
}

// How long one wait is at least (ms): those of thousands of connections would cost more than they are worth.
const stride = 10

export class Lifetimes {
  readonly hello: Deadlines<Connection>
  readonly unauthenticated: Deadlines<Connection>
  /** Until when the application has to have answered: whether a client may upgrade, who it is, whether that holds. */
  readonly authentication: Deadlines<() => void>
  /** How long a refused connection stays open, so that the client gets to read why. */
  readonly refusal: Deadlines<Connection>
  private readonly age: Deadlines<Connection>
  private readonly farewell: Deadlines<() => void>

  constructor(private readonly context: NodeContext) {
    const { closing, exceed, settings: { auth, limits } } = context
    const close = (connection: Connection): void => void connection.close()
    this.hello = new Deadlines(limits.helloTimeout, context, (connection) => {
      exceed("helloTimeout", connection)
      void connection.close(CloseCode.policyViolation, "No hello in time")
    })
    this.unauthenticated = new Deadlines(auth && auth.timeout, context, close)
    this.authentication = new Deadlines<() => void>(limits.authTimeout, context, (expire) => expire())
    this.refusal = new Deadlines(refusalGrace, context, close)
    this.age = new Deadlines(limits.maxConnectionAge, context, (connection) => {
      exceed("maxConnectionAge", connection)
      void this.atMost(connection.idle).then(() => connection.close(CloseCode.goingAway, "Connection is too old"))
    })
    this.farewell = new Deadlines<() => void>(farewellGrace, closing, (proceed) => proceed())
  }

  begin(connection: Connection): void {
    if (this.context.application.authRequired()) {
      this.unauthenticated.set(connection)
    }
    this.hello.set(connection)
    this.age.set(connection)
  }

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

  reset(): void {
    for (
      const deadlines of [this.hello, this.unauthenticated, this.age, this.authentication, this.refusal, this.farewell]
    ) {
      deadlines.reset()
    }
  }

  /** Closes connections one after another over a time, each as soon as none of its messages is being answered. */
  async sendAway(
    connections: ReadonlyArray<Connection>,
    { within = 0, code = within > 0 ? CloseCode.serviceRestart : undefined, reason }: DrainOptions
  ): Promise<void> {
    const { clock, fork } = this.context
    const from = monotonic(clock)
    const closing: Array<Promise<void>> = []
    for (const [index, connection] of connections.entries()) {
      const wait = from + (within * index) / connections.length - monotonic(clock)
      if (wait >= stride) {
        await new Promise<void>((resolve) => void fork(Effect.andThen(Effect.sleep(wait), Effect.sync(resolve))))
      }
      const idle = connection.stage === "ready" ? connection.idle : Promise.resolve()
      closing.push(idle.then(() => connection.close(code, reason)))
    }
    await Promise.all(closing)
  }
}
