/**
 * The Effect doors, and what they are made of.
 *
 * @since 0.1.0
 */

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

/** The six typed errors. */
export * as NesError from "./protocol/NesError.js"

/** The port to the program that is put on the socket. */
export * as Application from "./server/Application.js"

/** A process that only publishes. */
export * as Publisher from "./cluster/Publisher.js"

/** The port through which nodes reach each other. */
export * as Broker from "./server/Broker.js"

/** The server's side of contracts. */
export * as ContractServer from "./server/ContractServer.js"

/** The server as an Effect service. */
export * as NesServer from "./server/NesServer.js"

/** Authentication as an Effect, for `NesHttpServer`. */
export * as Authentication from "./http/Authentication.js"

/** The Application port on an Effect HTTP application. */
export * as HttpApplication from "./http/HttpApplication.js"

/** A server without hapi: an Effect HTTP application over HTTP and over sockets. */
export * as NesHttpServer from "./http/NesHttpServer.js"

/** Failures that are answered with a status. */
export * as Refusal from "./http/Refusal.js"

/** A client's connection as an Effect program sees it. */
export * as Socket from "./http/Socket.js"

/** A server in memory, for the tests of an application. */
export * as TestServer from "./http/TestServer.js"
