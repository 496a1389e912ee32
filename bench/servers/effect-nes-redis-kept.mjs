/** `effect-nes-redis`, whose subscription has recovery: what is published is kept. */
import * as Nes from "effect-nes/hapi"
import { redis } from "effect-nes/redis"
import * as Plugin from "./Plugin.mjs"

export const start = ({ redis: url, ...options }) =>
  Plugin.start(Nes, { ...options, recovery: true, broker: redis(url) })
