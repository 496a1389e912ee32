/** Whatever a server sends, and in whatever order: every call ends once, and the client goes on. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "../harness/Property.js"
import { turn } from "./FakeServer.js"
import { message, setup } from "./Setup.js"

/** What a hostile or broken server may put into a field. */
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.integer({ min: 0, max: 12 }),
  fc.constant({ toString: 1, valueOf: null }),
  fc.constantFrom("/a", "__proto__", "constructor", "toString", "message", "hello", 400, 599, null)
)

const type = fc.oneof(
  fc.constantFrom("ping", "update", "pub", "revoke", "hello", "reauth", "request", "message", "sub", "unsub"),
  value
)

const object = fc.record({
  type,
  id: value,
  path: value,
  message: value,
  payload: value,
  statusCode: value,
  headers: value,
  socket: value,
  heartbeat: value
}, { requiredKeys: [] }).map((fields) => JSON.stringify(fields))

const text = fc.oneof(
  object,
  object.map((json) => `+${json.slice(0, 7)}`),
  object.map((json) => `!${json.slice(7)}`),
  fc.jsonValue().map((json) => JSON.stringify(json)),
  fc.string(),
  fc.string().map((rest) => `{${rest}`)
)

/** What the client does in between. */
const step = fc.oneof(
  { weight: 4, arbitrary: text.map((text) => ({ say: text })) },
  { weight: 1, arbitrary: fc.constantFrom("message", "sub", "unsub", "reauth", "binary").map((act) => ({ act })) }
)

describe("garbage", () => {
  it.effect("ends no call twice, leaves none without an end, and does not keep the client from going on", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) =>
          Effect.runPromise(Effect.gen(function*() {
            const { call, connect, ended, heard, server, session, settle } = yield* setup()
            connect()
            server.socket.accept()
            let calls = 0
            const heardErrors: Array<unknown> = []
            heard.error = (error) => heardErrors.push(error)
            for (const step of steps) {
              if ("say" in step) {
                server.socket.text(step.say)
                continue
              }
              switch (step.act) {
                case "message":
                  session.send(message("x"), call(String(++calls)))
                  break
                case "reauth":
                  session.send({ type: "reauth", auth: "x", id: 0 }, call(String(++calls)))
                  break
                case "sub":
                  session.subscribe("/a", calls, { update: () => {} }, settle(String(++calls)))
                  break
                case "unsub":
                  session.unsubscribe("/a", null, settle(String(++calls)))
                  break
                default:
                  server.socket.binary()
              }
            }
            // Still there: a clean exchange works.
            server.socket.say({ type: "update", message: "boundary" })
            session.send(message("x"), call("last"))
            server.socket.answer("message", { message: "fine" })
            expect(ended.at(-1)).toEqual(["last", "fine"])
            server.socket.end(1006)
            yield* turn
            expect(session.status._tag).toBe("Reconnecting")
            session.disconnect(settle("disconnect"))
            const names = Array.from({ length: calls }, (_, index) => String(index + 1))
            expect(new Set(ended.map(([name]) => name))).toEqual(new Set(["connect", "last", "disconnect", ...names]))
            expect(ended).toHaveLength(calls + 3)
            expect(heardErrors.every((error) => (error as { readonly isNes?: unknown }).isNes === true)).toBe(true)
          }))),
        { numRuns: fc.runs(120, 300) }
      )
    ))
})
