/**
 * What `@hapi/nes` exports, under its names.
 *
 * @since 1.0.0
 */
import * as Plain from "./client/Client.js"
import type { ClientOptions, ConnectOptions, Handler, MessageResponse } from "./client/Client.js"
import type { DisconnectLog } from "./client/Observer.js"
import type { RequestOptions, Response } from "./client/Request.js"
import type { SocketAuth } from "./hapi/Socket.js"
import type { NesError as AnyNesError } from "./protocol/NesError.js"

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

// Programs written for 14 name no type for what was JSON.
type Untyped = ReturnType<typeof JSON.parse>

/**
 * The plain client. As in the types of `@hapi/nes` 14, `message<R>()` names all that it resolves to, and without a type
 * what comes is `any`; the `Client` of `effect-nes/client` says `unknown`.
 *
 * @since 1.0.0
 * @category clients
 */
export type Client = {
  request<R = Untyped>(options: string | RequestOptions): Promise<Response<R>>
  message<R = MessageResponse<Untyped>>(message: unknown): Promise<R>
} & Plain.Client

/**
 * Makes a client.
 *
 * @since 1.0.0
 * @category clients
 */
export const Client = Plain.Client as new(...args: ConstructorParameters<typeof Plain.Client>) => Client

/**
 * An error of the client: one of six, told apart by `type`, or by `_tag`.
 *
 * @since 1.0.0
 * @category models
 */
export type NesError = AnyNesError

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
export type ErrorCodes = {
  1000: "Normal closure"
  1001: "Going away"
  1002: "Protocol error"
  1003: "Unsupported data"
  1004: "Reserved"
  1005: "No status received"
  1006: "Abnormal closure"
  1007: "Invalid frame payload data"
  1008: "Policy violation"
  1009: "Message too big"
  1010: "Mandatory extension"
  1011: "Internal server error"
  1015: "TLS handshake"
}

/**
 * The authentication state of a socket, by the name `@hapi/nes` 14 has for it.
 *
 * @since 1.0.0
 * @category aliases
 */
export type SocketAuthObject = SocketAuth

/**
 * The options of `new Client`, by the name `@hapi/nes` 14 has for them.
 *
 * @since 1.0.0
 * @category aliases
 */
export type ClientOpts = ClientOptions

/**
 * The options of `client.connect()`, by the name `@hapi/nes` 14 has for them.
 *
 * @since 1.0.0
 * @category aliases
 */
export type ClientConnectOptions = ConnectOptions

/**
 * The options of `client.request()`, by the name `@hapi/nes` 14 has for them.
 *
 * @since 1.0.0
 * @category aliases
 */
export type ClientRequestOptions = RequestOptions

/**
 * The second argument of `client.onDisconnect`, by the name `@hapi/nes` 14 has for it.
 *
 * @since 1.0.0
 * @category aliases
 */
export type NesLog = DisconnectLog

/**
 * The answer to a request, by the name `@hapi/nes` 14 has for it.
 *
 * @since 1.0.0
 * @category aliases
 */
export type NesReqRes<A = unknown> = Response<A>

/**
 * The handler of a subscription's updates, by the name `@hapi/nes` 14 has for it.
 *
 * @since 1.0.0
 * @category aliases
 */
export type NesSubHandler = Handler
