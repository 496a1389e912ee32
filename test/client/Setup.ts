/** The client's core, ready for a test under the test's clock. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Backoff from "../../src/client/Backoff.js"
import type * as Observer from "../../src/client/Observer.js"
import type { Answered, Draft } from "../../src/client/Pending.js"
import * as Session from "../../src/client/Session.js"
import type { NesError } from "../../src/protocol/NesError.js"
import { FakeServer, turn } from "./FakeServer.js"
import { Recorder } from "./Recorder.js"

/** A session, its scripted server, and what both did. */
export interface Setup {
  readonly server: FakeServer
  readonly heard: Recorder
  readonly session: Session.Session
  /** How calls ended, in order: their name, and the error's type and message. */
  readonly ended: Array<ReadonlyArray<unknown>>
  readonly connect: (options?: Partial<Session.ConnectOptions>) => void
  readonly settle: (name: string) => (error?: NesError) => void
  readonly call: (name: string) => Answered
}

/** Reconnection by the documented options. */
export const reconnect = Backoff.policy

export const setup = (options: Partial<Session.Options> = {}): Effect.Effect<Setup> => {
  const server = new FakeServer()
  const heard = new Recorder()
  const ended: Array<ReadonlyArray<unknown>> = []
  const settle: Setup["settle"] = (name) => (error) =>
    ended.push(error === undefined ? [name] : [name, error.type, error.message])
  return Effect.map(
    Effect.provide(Session.make({ url: "ws://fake", ...options }, heard), server.layer),
    (session) => ({
      server,
      heard,
      session,
      ended,
      connect: (options = {}) => session.connect({ reconnect: reconnect(), ...options }, settle("connect")),
      settle,
      call: (name) => (error, { message }) => error ? settle(name)(error) : ended.push([name, message])
    })
  )
}

/** Moves the clock, and lets happen what then must. */
export const adjust = (duration: Duration.Input): Effect.Effect<void> =>
  turn.pipe(Effect.andThen(TestClock.adjust(duration)), Effect.andThen(turn), Effect.andThen(turn))

/** A custom message, ready to be sent. */
export const message = (text: unknown): Draft => ({ type: "message", message: text, id: 0 })

const explanations = new Map<unknown, string>([
  [1001, "Going away"],
  [1005, "No status received"],
  [1006, "Abnormal closure"]
])

/** The log of a disconnection; `"none"` for a socket that failed without a close event. */
export const log = (
  willReconnect: boolean,
  wasRequested = false,
  code: number | "none" = 1005
): Observer.DisconnectLog => ({
  code: code === "none" ? undefined : code,
  explanation: explanations.get(code) ?? "Unknown",
  reason: code === "none" ? undefined : "",
  wasClean: code !== "none" && code !== 1006,
  willReconnect,
  wasRequested
})
