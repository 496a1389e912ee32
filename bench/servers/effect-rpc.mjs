/** Effect's own RPC server, on a WebSocket of its own. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import { createServer } from "node:http"
import { group, handlers } from "../Procedures.mjs"

export const start = async () => {
  const routes = RpcServer.layerHttp({ group, path: "/", protocol: "websocket" }).pipe(
    Layer.provide([handlers, RpcSerialization.layerJson])
  )
  const runtime = ManagedRuntime.make(
    HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    )
  )
  return { port: (await runtime.runPromise(HttpServer.HttpServer)).address.port }
}
