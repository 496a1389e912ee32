/** A process that only publishes: whatever it publishes, it waits until Redis has it. */
import { publisher } from "effect-nes/redis"

export const start = ({ recovery = false, redis, subscription }) =>
  publisher(redis, { subscriptions: { [subscription]: { recovery } } })
