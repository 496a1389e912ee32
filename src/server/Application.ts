/**
 * The port to the program that is put on the socket: what the server asks of it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { Awaitable, Call } from "./Awaitable.js"
import type { Connection } from "./connection/Connection.js"
import type { Authentication, AuthState } from "./conversation/Authentication.js"
import type { RequestHead } from "./conversation/RequestHead.js"
import type { Access } from "./subscription/Access.js"

/** @since 1.0.0 */
export type { Awaitable, Call } from "./Awaitable.js"
/** @since 1.0.0 */
export type { Connection } from "./connection/Connection.js"
/** @since 1.0.0 */
export type { Authentication, AuthState } from "./conversation/Authentication.js"
/** @since 1.0.0 */
export type { Access, Rule } from "./subscription/Access.js"

/**
 * What a client asks of a route. Its path is an HTTP path; `payload` is a JSON value, `undefined` for none.
 *
 * @since 1.0.0
 * @category models
 */
export interface Request extends RequestHead {
  readonly payload: unknown
  /** Whether the answer is to be told as HTTP has it: an error without a body has none. */
  readonly http?: boolean
}

/**
 * A route's answer. `json`, when present, is the JSON text of the payload and is sent as it is; otherwise `payload` is
 * serialised.
 *
 * @since 0.1.0
 * @category models
 */
export interface Response {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly payload: unknown
  readonly json?: string | undefined
  /** What the payload is, where the request asked for that. */
  readonly body?: "json" | "text" | "none"
}

/**
 * A route found by its id.
 *
 * @since 0.1.0
 * @category models
 */
export interface Route {
  readonly method: string
  readonly path: string
}

/**
 * What the server asks of the host application. Failures that are Booms (`@hapi/boom`) are answered as they are, any
 * other as 500.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Answers a request, with the credentials of the connection, until its `call` is cancelled, if it may be. */
  readonly request: (connection: Connection, request: Request, call?: Call) => Awaitable<Response>
  /** The route with this id, if any. */
  readonly lookup: (id: string) => Route | undefined
  /** Whether a connection must authenticate at hello. */
  readonly authRequired: () => boolean
  /** Authenticates by the cookies of the upgrade request; `undefined` if they hold no authentication. */
  readonly authenticateCookie: (connection: Connection, cookies: string) => Awaitable<Authentication | undefined>
  /** Authenticates by what a hello or reauth carries; `undefined` if it succeeds without credentials. */
  readonly authenticate: (connection: Connection, auth: unknown) => Awaitable<Authentication | undefined>
  /** Verifies that credentials still hold; fails if not. */
  readonly verify: (auth: AuthState, connection: Connection) => Awaitable<unknown>
  /** Access to subscriptions that declare none, as it stands now. */
  readonly defaultAccess: () => Access | false
  /** A connection is gone: what it asked for is wanted no more. */
  readonly departed?: ((connection: Connection) => void) | undefined
  /** Takes note of what has no caller to go to, and of the connection it came about with, if with one. */
  readonly log: (tags: ReadonlyArray<string>, data: unknown, connection?: Connection) => void
}

/**
 * The host application.
 *
 * @since 0.1.0
 * @category tags
 */
export class Application extends Context.Service<Application, Service>()("effect-nes/server/Application") {}
