/** This package's Effect client: procedures over its connection. */
import { NesClient, NesRpcClient } from "effect-nes"
import * as Effect from "effect/Effect"
import { clientOn } from "../Procedures.mjs"

export const connect = (url) =>
  clientOn(
    Effect.flatMap(NesClient.make({ url, reconnect: false }), (nes) =>
      Effect.provideService(NesRpcClient.makeProtocol, NesClient.NesClient, nes))
  )
