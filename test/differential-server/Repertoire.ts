/** Every script, in the order of the protocol, those together that are played on the same application. */
import type { Script } from "./Script.js"
import { authentication } from "./scripts/Authentication.js"
import { connections } from "./scripts/Connections.js"
import { envelope } from "./scripts/Envelope.js"
import { hello } from "./scripts/Hello.js"
import { limits } from "./scripts/Limits.js"
import { messages } from "./scripts/Messages.js"
import { publications } from "./scripts/Publishing.js"
import { requests } from "./scripts/Requests.js"
import { subscriptions } from "./scripts/Subscriptions.js"

const all: ReadonlyArray<Script> = [
  ...envelope,
  ...hello,
  ...requests,
  ...messages,
  ...subscriptions,
  ...publications,
  ...connections,
  ...limits,
  ...authentication
]

const applications = all.map(({ application = {} }) => JSON.stringify(application))

export const repertoire: ReadonlyArray<Script> = Array.from(
  new Set(applications),
  (one) => all.filter((_, index) => applications[index] === one)
).flat()
