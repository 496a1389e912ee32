/**
 * Who a connection is: authentication by cookie, hello and reauth, and its verification in time (interop.md).
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import type * as Clock from "effect/Clock"
import type * as Message from "../../protocol/Message.js"
import { isPromiseLike } from "../Awaitable.js"
import type { Connection } from "../connection/Connection.js"
import type { Deadlines } from "../connection/Deadlines.js"
import type { Context, Hub } from "../subscription/Hub.js"
import type { Authentication } from "./Authentication.js"

/**
 * The time that authentication takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timing {
  readonly clock: Clock.Clock
  /** Until when a connection has to authenticate, where it must. */
  readonly unauthenticated: Deadlines<Connection>
  /** Until when the application has to have authenticated. */
  readonly authentication: Deadlines<() => void>
}

/**
 * Authenticates the connections of a hub.
 *
 * @since 0.1.0
 * @category models
 */
export class Authenticator {
  constructor(
    private readonly hub: Hub,
    private readonly context: Context,
    private readonly timing: Timing
  ) {}

  /**
   * Authenticates by the cookies of the upgrade request, and by what a hello or reauth brings; fails with the answer's
   * error.
   */
  async authenticate(connection: Connection, message: Message.Hello | Message.Reauth): Promise<void> {
    try {
      await this.credential(connection, message)
    } catch (error) {
      this.context.metrics.totals.authenticationsFailed++
      this.context.log.authenticationFailed(connection, error)
      throw error
    }
  }

  /** Whether a connection's credentials have to be verified before the next message is answered. */
  due(connection: Connection): boolean {
    const { auth } = this.context.settings
    return auth !== false && auth.minAuthVerifyInterval !== false && connection.auth.isAuthenticated &&
      (connection.verifying !== undefined ||
        this.timing.clock.currentTimeMillisUnsafe() - connection.verifiedAt >= auth.minAuthVerifyInterval)
  }

  /** Verifies credentials where that is due; a connection whose credentials no longer hold is refused. */
  verify(connection: Connection): Promise<void> | undefined {
    if (!this.due(connection)) {
      return undefined
    }
    return connection.verifying ??= this.runVerify(connection).finally(() => {
      connection.verifying = undefined
    })
  }

  private async credential(connection: Connection, message: Message.Hello | Message.Reauth): Promise<void> {
    const { application, settings, settle } = this.context
    if (connection.cookies !== undefined) {
      const authenticating = this.inTime(
        connection,
        settle(application.authenticateCookie(connection, connection.cookies))
      )
      await this.admit(connection, await authenticating)
    }
    const authenticated = connection.auth.isAuthenticated
    if (!message.auth && !authenticated && application.authRequired()) {
      throw Boom.unauthorized("Connection requires authentication")
    }
    if (message.auth && message.type === "hello" && authenticated) {
      throw Boom.badRequest("Connection already authenticated")
    }
    this.timing.unauthenticated.clear(connection)
    if (message.auth) {
      if (!settings.auth) {
        throw Boom.unauthorized("Invalid token")
      }
      await this.admit(
        connection,
        await this.inTime(connection, settle(application.authenticate(connection, message.auth)))
      )
    }
  }

  private inTime<A>(connection: Connection, answer: A | PromiseLike<A>): A | PromiseLike<A> {
    const { metrics, settings: { limits } } = this.context
    if (!limits.authTimeout || !isPromiseLike(answer)) {
      return answer
    }
    const { authentication } = this.timing
    return new Promise((resolve, reject) => {
      const expire = (): void => {
        metrics.exceed("authTimeout", connection)
        reject(Boom.serverUnavailable("Authentication took too long"))
      }
      authentication.set(expire)
      void Promise.resolve(answer).then(resolve, reject).finally(() => authentication.clear(expire))
    })
  }

  private async admit(
    connection: Connection,
    authentication: Authentication | undefined
  ): Promise<void> {
    if (authentication) {
      const claiming = this.hub.claim(connection, authentication)
      if (claiming) {
        await claiming
      }
      this.hub.authenticate(connection, authentication)
      connection.verifiedAt = this.timing.clock.currentTimeMillisUnsafe()
    }
  }

  private async runVerify(connection: Connection): Promise<void> {
    const { application, settle } = this.context
    connection.verifiedAt = this.timing.clock.currentTimeMillisUnsafe()
    try {
      await this.inTime(connection, settle(application.verify(connection)))
    } catch (error) {
      this.context.log.verificationFailed(connection, error)
      connection.refuse()
      throw Boom.forbidden("Credential verification failed")
    }
  }
}
