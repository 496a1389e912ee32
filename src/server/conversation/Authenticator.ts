/** Who a connection is: authentication by cookie, hello and reauth, and its verification in time (interop.md). */
import type { Boom } from "@hapi/boom"
import type * as Message from "../../protocol/Message.js"
import { type Awaitable, interrupt, isPromiseLike, type Owner } from "../Awaitable.js"
import type { Connection } from "../connection/Connection.js"
import type { Lifetimes } from "../connection/Lifetimes.js"
import type { NodeContext } from "../NodeContext.js"
import type { Hub } from "../subscription/Hub.js"
import type { Authentication, AuthState } from "./Authentication.js"
import { errorAnswer } from "./ErrorAnswer.js"
import * as Errors from "./Errors.js"

type Introduction = Message.Hello | Message.Reauth

export class Authenticator {
  constructor(
    private readonly hub: Hub,
    private readonly context: NodeContext,
    private readonly lifetimes: Lifetimes
  ) {}

  /** Ends with the paths to which the connection may be subscribed no more, fails with the answer's error. */
  authenticate(connection: Connection, message: Introduction): Promise<ReadonlyArray<string>> | undefined {
    if (message.auth || connection.cookies !== undefined || this.context.application.authRequired()) {
      return this.authenticateBy(connection, message)
    }
    this.lifetimes.unauthenticated.clear(connection)
    return undefined
  }

  private async authenticateBy(connection: Connection, message: Introduction): Promise<ReadonlyArray<string>> {
    try {
      const authentication = await this.credential(connection, message)
      return authentication ? await this.admit(connection, authentication) : []
    } catch (error) {
      // Who has left was not refused.
      if (connection.departed) {
        throw error
      }
      this.context.metrics.totals.authenticationsFailed++
      throw this.refusal("authenticate", error, connection)
    }
  }

  async verify(connection: Connection): Promise<void> {
    try {
      await this.check(connection, connection.auth)
    } catch {
      connection.refuse()
      this.hub.dismiss(connection)
      throw errorAnswer("verificationFailed")
    }
  }

  private async credential(connection: Connection, message: Introduction): Promise<Authentication | undefined> {
    const { application, settings } = this.context
    const byCookie = connection.cookies === undefined
      ? undefined
      : await this.inTime(connection, application.authenticateCookie(connection, connection.cookies))
    const authenticated = connection.auth.isAuthenticated || byCookie !== undefined
    if (!message.auth && !authenticated && application.authRequired()) {
      throw errorAnswer("authenticationRequired")
    }
    if (message.auth && message.type === "hello" && authenticated) {
      throw errorAnswer("alreadyAuthenticated")
    }
    this.lifetimes.unauthenticated.clear(connection)
    if (!message.auth) {
      return byCookie
    }
    if (!settings.auth) {
      throw errorAnswer("tokenInvalid")
    }
    return await this.inTime(connection, application.authenticate(connection, message.auth)) ?? byCookie
  }

  private inTime<A>(connection: Connection, awaitable: Awaitable<A>): A | PromiseLike<A> {
    const { exceed, settings: { limits }, settle } = this.context
    const work: Owner = { work: undefined }
    const answer = awaitable instanceof Promise ? awaitable as Promise<A> : settle(awaitable, connection, work)
    if (!limits.authTimeout || !(answer instanceof Promise || isPromiseLike(answer))) {
      return answer
    }
    const { authentication } = this.lifetimes
    return new Promise((resolve, reject) => {
      const expire = (): void => {
        exceed("authTimeout", connection)
        reject(errorAnswer("authenticationTooSlow"))
        interrupt(work)
      }
      authentication.set(expire)
      void Promise.resolve(answer).then(resolve, reject).finally(() => authentication.clear(expire))
    })
  }

  // A sealed value says who somebody was when it was sealed: whether that still holds is asked at once. Nothing but an
  // answer to that question begins a new interval, else whoever is let in again and again is never asked about.
  private async admit(connection: Connection, authentication: Authentication): Promise<ReadonlyArray<string>> {
    const { auth } = this.context.settings
    const identity = { isAuthenticated: true, ...authentication }
    if (auth && auth.type !== "direct" && auth.minAuthVerifyInterval !== false) {
      await this.check(connection, identity)
    } else if (!connection.auth.isAuthenticated) {
      this.beginInterval(connection)
    }
    return this.hub.authenticate(connection, identity)
  }

  private async check(connection: Connection, auth: AuthState): Promise<void> {
    const { application } = this.context
    this.beginInterval(connection)
    try {
      await this.inTime(connection, application.verify(auth, connection))
    } catch (error) {
      const refusal = connection.departed ? undefined : this.refusal("verify", error, connection)
      throw refusal && Errors.isTemporary(refusal.output.statusCode) ? refusal : errorAnswer("verificationFailed")
    }
  }

  // That authentication is broken is for the application to mend; that it refuses somebody is what it is for.
  private refusal(hook: "authenticate" | "verify", error: unknown, connection: Connection): Boom {
    const { application, log } = this.context
    const refusal = Errors.ofHook(hook, error, application.log, connection)
    if (refusal.output.statusCode !== 500) {
      log.distrusted(hook === "verify" ? "verification" : "authentication", connection, error)
    }
    return refusal
  }

  private beginInterval(connection: Connection): void {
    const { auth } = this.context.settings
    const interval = auth && auth.minAuthVerifyInterval
    connection.verifyAt = interval
      ? Number(this.context.clock.monotonicTimeNanosUnsafe()) + interval * 1_000_000
      : undefined
  }
}
