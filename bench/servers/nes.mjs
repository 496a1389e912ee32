/** `@hapi/nes` 14 on hapi. */
import Nes from "@hapi/nes"
import * as Plugin from "./Plugin.mjs"

export const start = ({ limits: _, ...options }) => Plugin.start(Nes, options)
