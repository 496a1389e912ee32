/**
 * What of `effect-nes` runs in a page: its root for browsers and other places that are no servers.
 *
 * @since 1.0.0
 */

/** The plain client, and a default with it, as `@hapi/nes/lib/client` has them. */
export { Client, default } from "./client.js"

/** The client as an Effect service: requests, Streams, typed errors. */
export * as NesClient from "./client/NesClient.js"

/** The client's side of contracts. */
export * as ContractClient from "./client/ContractClient.js"

/** Close codes of RFC 6455 and their names. */
export * as CloseCode from "./protocol/CloseCode.js"

/** What server and client agree on, written once. */
export * as Contract from "./protocol/Contract.js"

/** Every message of the wire protocol as a Schema. */
export * as Message from "./protocol/Message.js"

/** Effect's `HttpClient` over the socket, for `HttpApi` contracts. */
export * as NesHttpClient from "./client/NesHttpClient.js"

/** The client's WebSocket from the constructor of `effect/socket`. */
export * as NesWebSocket from "./client/NesWebSocket.js"

/** Effect's RPC over the socket. */
export * as NesRpcClient from "./client/NesRpcClient.js"

/** The six typed errors. */
export * as NesError from "./protocol/NesError.js"
