/** This package's Effect client, with the Stream of a contract. */
import { ContractClient } from "effect-nes"
import { Update } from "../Contract.mjs"
import { connectWith } from "./Stream.mjs"

export const connect = connectWith((nes) => ContractClient.make(nes).subscribe(Update))
