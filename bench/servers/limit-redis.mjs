/** The limit, told what to publish through a bare subscription to a Redis. */
import * as Limit from "./limit.mjs"
import { told } from "./local-redis.mjs"

export const start = told(Limit.start)
