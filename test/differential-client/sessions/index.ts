/** Every session, by subject. */
import type { Session } from "../harness/Session.js"
import { answers } from "./Answers.js"
import { chunks } from "./Chunks.js"
import { closing } from "./Closing.js"
import { connecting } from "./Connecting.js"
import { heartbeats } from "./Heartbeats.js"
import { objects } from "./Objects.js"
import { reconnecting } from "./Reconnecting.js"
import { requests } from "./Requests.js"
import { subscriptions } from "./Subscriptions.js"
import { together } from "./Together.js"
import { updates } from "./Updates.js"

export const subjects: Readonly<Record<string, ReadonlyArray<Session>>> = {
  connecting,
  requests,
  answers,
  subscriptions,
  updates,
  together,
  chunks,
  heartbeats,
  closing,
  reconnecting,
  objects
}

export const sessions: ReadonlyArray<Session> = Object.values(subjects).flat()
