/** This package's hapi plugin. */
import * as Nes from "effect-nes/hapi"
import * as Plugin from "./Plugin.mjs"

export const start = (options) => Plugin.start(Nes, options)
