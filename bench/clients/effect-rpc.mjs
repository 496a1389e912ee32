/** Effect's own RPC client, on a WebSocket of its own. */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { clientOn } from "../Procedures.mjs"

export const connect = (url) =>
  clientOn(
    Effect.flatMap(
      Layer.build(
        RpcClient.layerProtocolSocket().pipe(
          Layer.provide([NodeSocket.layerWebSocket(url), RpcSerialization.layerJson])
        )
      ),
      (context) => Effect.provideContext(RpcClient.Protocol, context)
    )
  )
