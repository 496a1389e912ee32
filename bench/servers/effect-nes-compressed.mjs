/** This package's hapi plugin, which compresses what it sends. */
import * as Nes from "effect-nes/hapi"
import * as Plugin from "./Plugin.mjs"

export const start = (options) => Plugin.start(Nes, { ...options, compression: true })
