/** This package's Effect client: a subscription is a Stream, run element by element. */
import { connectWith } from "./Stream.mjs"

export const connect = connectWith((nes, path) => nes.subscribe(path))
