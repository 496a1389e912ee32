/** What one connection does with what comes, apart from the client it belongs to. */
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Connection } from "../../src/client/Connection.js"
import type { NesError } from "../../src/protocol/NesError.js"

it.effect("an exception at a message is an error and the end of the connection, with 1011: it does not reach the socket", () =>
  Effect.gen(function*() {
    const errors: Array<NesError> = []
    const closes: Array<unknown> = []
    const connection = new Connection({
      url: "ws://memory",
      ws: undefined,
      maxMessageChars: Infinity,
      online: Effect.never,
      clock: yield* Clock.Clock,
      open: () => ({
        isOpen: () => true,
        send: () => {},
        close: (...code) => closes.push(code),
        terminate: () => {}
      })
    }, {
      opened: () => {},
      inbox: {
        receive: () => {
          throw new RangeError("Too deep")
        }
      },
      error: (error) => errors.push(error),
      ping: () => {},
      silent: () => Effect.void
    })
    const running = yield* Effect.forkChild(connection.run(), { startImmediately: true })
    connection.received("{}")
    connection.received("{}")
    expect(closes).toEqual([[1011, undefined]])
    expect(errors[0]).toMatchObject({ type: "protocol", cause: new RangeError("Too deep") })
    yield* Fiber.interrupt(running)
  }))
