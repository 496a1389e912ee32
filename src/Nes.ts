/**
 * What `@hapi/nes` exports, under its names.
 *
 * @since 1.0.0
 */
import * as Plain from "./client/Client.js"
import type { RequestOptions } from "./client/Request.js"
import type { explanations } from "./protocol/CloseCode.js"
import type * as Errors from "./protocol/NesError.js"

export type { ApiOptions } from "./hapi/Api.js"
export type {
  AuthOptions,
  FilterAnswer,
  FilterOptions,
  LimitOptions,
  PluginOptions,
  SubscriptionOptions
} from "./hapi/Options.js"
export { type EachSocketOptions, plugin } from "./hapi/Plugin.js"
export type { RevokeOptions, Socket, SocketApplicationState, SocketAuth, SocketCredentials } from "./hapi/Socket.js"
export type { IronOptions, Password, Secret } from "./server/conversation/Password.js"
export type { BroadcastOptions, PublishOptions } from "./server/Node.js"
export type { PathPresence } from "./server/presence/Presence.js"
export type { Member, Present } from "./server/presence/Present.js"
export type { Past, PastUpdate, PathHistory } from "./server/recovery/PathHistory.js"
export type { UpgradeRequest } from "./server/Settings.js"
export { type Snapshot, snapshotAt } from "./server/subscription/Snapshot.js"

// By the names that `@hapi/nes` 14 has for them.
export type {
  ClientOptions as ClientOpts,
  ConnectOptions as ClientConnectOptions,
  Handler as NesSubHandler
} from "./client/Client.js"
export type { DisconnectLog as NesLog } from "./client/Observer.js"
export type { RequestOptions as ClientRequestOptions } from "./client/Request.js"
export type { SocketAuth as SocketAuthObject } from "./hapi/Socket.js"

// Programs written for 14 name no type for what was JSON.
type Untyped = ReturnType<typeof JSON.parse>

/**
 * One of the six errors, of which every property that any of them has can be asked, as in the types of `@hapi/nes` 14.
 *
 * @since 1.0.0
 * @category errors
 */
export type NesError = Errors.NesError & {
  readonly statusCode?: number | undefined
  readonly data?: Untyped
  readonly headers?: Untyped
  readonly path?: string | undefined
}

/**
 * The answer to a request.
 *
 * @since 1.0.0
 * @category models
 */
export interface NesReqRes<R = Untyped> {
  readonly payload: R
  readonly statusCode: number
  /** The response headers the server lets through; `undefined` where it lets none. */
  readonly headers: Untyped
}

/**
 * The plain client. As in the types of `@hapi/nes` 14, `message<R>()` names all that it resolves to, and without a type
 * what comes is `any`; the `Client` of `effect-nes/client` says `unknown`.
 *
 * @since 1.0.0
 * @category clients
 */
export type Client = {
  request<R = Untyped>(options: string | RequestOptions): Promise<NesReqRes<R>>
  message<R = Plain.MessageResponse<Untyped>>(message: unknown): Promise<R>
} & Plain.Client<NesError>

/**
 * Makes a client.
 *
 * @since 1.0.0
 * @category clients
 */
export const Client = Plain.Client as new(...args: ConstructorParameters<typeof Plain.Client>) => Client

/**
 * The `type` of an error (nes-api.txt, "Errors").
 *
 * @since 1.0.0
 * @category models
 */
export type ErrorType = NesError["type"]

/**
 * The close codes that `explanation` has a name for (RFC 6455, section 7.4.1).
 *
 * @since 1.0.0
 * @category models
 */
export type ErrorCodes = { -readonly [Code in keyof typeof explanations]: (typeof explanations)[Code] }
