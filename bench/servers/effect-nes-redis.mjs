/** This package's hapi plugin as one of several nodes. */
import * as Nes from "effect-nes/hapi"
import { redis } from "effect-nes/redis"
import * as Plugin from "./Plugin.mjs"

export const start = ({ redis: url, ...options }) => Plugin.start(Nes, { ...options, broker: redis(url) })
