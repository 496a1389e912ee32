/** This package's server without hapi: procedures over its sockets. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { NesHttpServer, NesRpcServer } from "effect-nes"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createServer } from "node:http"
import { group, handlers } from "../Procedures.mjs"

export const start = async () => {
  const server = createServer()
  const runtime = ManagedRuntime.make(
    NesRpcServer.layer(group).pipe(
      Layer.provide(handlers),
      Layer.provide(NesHttpServer.serve(Layer.empty, { server })),
      Layer.provideMerge(NodeHttpServer.layer(() => server, { host: "127.0.0.1", port: 0 }))
    )
  )
  return { port: (await runtime.runPromise(HttpServer.HttpServer)).address.port }
}
