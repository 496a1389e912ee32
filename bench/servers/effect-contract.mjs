/** The server without hapi, whose publishes are those of a contract. */
import { ContractServer } from "effect-nes"
import { Update } from "../Contract.mjs"
import { startWith } from "./effect-http.mjs"

export const start = startWith((_path, message, options) => ContractServer.publish(Update, undefined, message, options))
