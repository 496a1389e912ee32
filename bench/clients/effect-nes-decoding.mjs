/** The same Stream, whose messages are decoded by hand: what a contract costs beside. */
import * as Schema from "effect/Schema"
import { Update } from "../Contract.mjs"
import { connectWith } from "./Stream.mjs"

export const connect = connectWith(
  (nes, path) => nes.subscribe(path),
  Schema.decodeUnknownSync(Schema.toCodecJson(Update.message))
)
