/** How settings are told without hapi: times are durations. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { UserError } from "../protocol/NesError.js"
import { type Door, hook as hookOf, isCount, kind } from "../server/SettingKinds.js"

// Whole, as those of hapi: Redis takes no others, and `Infinity` neither JSON nor a socket.
const millis = (u: unknown): number | undefined => {
  const ms = Option.map(Duration.fromInput(u as Duration.Input), Duration.toMillis)
  return Option.isSome(ms) && ms.value > 0 ? Math.min(Math.ceil(ms.value), Number.MAX_SAFE_INTEGER) : undefined
}

export const duration = kind(
  "must be a duration",
  (u): u is Duration.Input => Option.isSome(Duration.fromInput(u as Duration.Input))
)

export const object = kind("must be an object", (u): u is object => typeof u === "object" && u !== null)

export const door: Door = {
  wants: "must be",
  count: {
    complaint: "must be a positive integer",
    read: (u) => u === false || u === Infinity ? Infinity : isCount(u) ? u : undefined
  },
  time: { complaint: "must be a positive duration", read: millis },
  timeout: { complaint: "must be a positive duration", read: (u) => u === false ? u : millis(u) },
  path: kind("must start with /", (u): u is string => typeof u === "string" && u.startsWith("/"))
}

export const hook = hookOf(door)

export const complaint = (place: string, complaint: string): UserError =>
  new UserError({ message: `Invalid nes configuration: ${place} ${complaint}` })
