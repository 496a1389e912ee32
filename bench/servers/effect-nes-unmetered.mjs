/** This package's hapi plugin with `metrics: false`: what counting into Effect's metrics costs. */
import * as Nes from "effect-nes/hapi"
import * as Plugin from "./Plugin.mjs"

export const start = (options) => Plugin.start(Nes, { ...options, metrics: false })
