/**
 * The Effect doors, and what they are made of.
 *
 * @since 0.1.0
 */

/** What runs in a page as well: the clients, the contracts, the protocol. */
export * from "./page.js"

/** The port to the program that is put on the socket. */
export * as Application from "./server/Application.js"

/** A process that only publishes. */
export * as Publisher from "./cluster/Publisher.js"

/** The port through which nodes reach each other. */
export * as Broker from "./server/Broker.js"

/** The server's side of contracts. */
export * as ContractServer from "./http/ContractServer.js"

/** The server as an Effect service. */
export * as NesServer from "./server/NesServer.js"

/** Authentication as an Effect, for `NesHttpServer`. */
export * as Authentication from "./http/Authentication.js"

/** The Application port on an Effect HTTP application. */
export * as HttpApplication from "./http/HttpApplication.js"

/** A server without hapi: an Effect HTTP application over HTTP and over sockets. */
export * as NesHttpServer from "./http/NesHttpServer.js"

/** Effect's RPC over the sockets of a server. */
export * as NesRpcServer from "./http/NesRpcServer.js"

/** Failures that are answered with a status. */
export * as Refusal from "./http/Refusal.js"

/** What can be asked of the server over HTTP, as a group of an `HttpApi`. */
export * as ServerApi from "./http/ServerApi.js"

/** A client's connection as an Effect program sees it. */
export * as Socket from "./http/Socket.js"

/** A server in memory, for the tests of an application. */
export * as TestServer from "./TestServer.js"

/** What `@hapi/nes` exports, so that this package can be installed under its name. */
export { default, Nes, plugin } from "./hapi.js"
