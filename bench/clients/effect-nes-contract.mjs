/** This package's Effect client, with the Stream of a contract. */
import { ContractClient, NesClient } from "effect-nes"
import * as Stream from "effect/Stream"
import { Update } from "../Contract.mjs"
import { connectWith } from "./Stream.mjs"

export const connect = connectWith((nes) =>
  Stream.provideService(ContractClient.subscribe(Update), NesClient.NesClient, nes)
)
