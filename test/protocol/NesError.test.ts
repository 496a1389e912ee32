import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { inspect } from "node:util"
import { describe, expect, it } from "vitest"
import * as NesError from "../../src/protocol/NesError.js"

const cause = new Error("original")

// nes-api.txt, "Errors": the error is decorated with `type`, one of these six.
const errors: ReadonlyArray<readonly [type: string, tag: string, error: NesError.NesError]> = [
  ["disconnect", "DisconnectError", new NesError.DisconnectError({ message: "m" })],
  ["protocol", "ProtocolError", new NesError.ProtocolError({ message: "m", cause })],
  [
    "server",
    "ServerError",
    new NesError.ServerError({
      message: "m",
      statusCode: 403,
      data: { error: "Forbidden" },
      headers: { a: "b" },
      path: "/a"
    })
  ],
  ["timeout", "TimeoutError", new NesError.TimeoutError({ message: "m" })],
  ["user", "UserError", new NesError.UserError({ message: "m", cause })],
  ["ws", "WsError", new NesError.WsError({ message: "m", cause })]
]

describe.each(errors)("%s error", (type, tag, error) => {
  it("is an Error with the documented decorations", () => {
    expect(error).toBeInstanceOf(Error)
    // Its name and text are those of an error of nes, its tag is beside them.
    expect(error).toMatchObject({ type, _tag: tag, name: "Error", message: "m", isNes: true })
    expect(error.stack).toContain("NesError.test.ts")
    expect(String(error)).toBe("Error: m")
  })

  it("is printed as an Error, with its stack", () => {
    expect(inspect(error)).toContain(`${tag}: m\n    at `)
    expect(inspect(error)).toContain(`type: '${type}'`)
  })

  it("is recognised, and its look-alikes are not", () => {
    expect(NesError.isNesError(error)).toBe(true)
    expect(NesError.isNesError(Object.assign(new Error(error.message), { _tag: tag, type, isNes: true }))).toBe(false)
  })

  it("is an Effect failure that catchTag finds by its tag", async () => {
    const fail: Effect.Effect<never, NesError.NesError> = Effect.fail(error)
    const caught = await Effect.runPromise(fail.pipe(Effect.catchTags({
      DisconnectError: (e) => Effect.succeed(e.type),
      ProtocolError: (e) => Effect.succeed(e.type),
      ServerError: (e) => Effect.succeed(e.type),
      TimeoutError: (e) => Effect.succeed(e.type),
      UserError: (e) => Effect.succeed(e.type),
      WsError: (e) => Effect.succeed(e.type)
    })))
    expect(caught).toBe(type)
  })

  it("can be yielded as it is", async () => {
    const exit = await Effect.runPromiseExit(Effect.gen(function*() {
      return yield* error
    }))
    expect(exit).toEqual(Exit.fail(error))
  })
})

it("the six types are those of the specification, each once", () => {
  expect(errors.map(([type]) => type)).toEqual(["disconnect", "protocol", "server", "timeout", "user", "ws"])
})

it("a server error carries what the answer said", () => {
  expect(errors[2]?.[2]).toMatchObject({
    statusCode: 403,
    data: { error: "Forbidden" },
    headers: { a: "b" },
    path: "/a"
  })
})

it("an error made of another keeps it as its cause", () => {
  for (const [type, , error] of errors) {
    expect(error.cause).toBe(["protocol", "user", "ws"].includes(type) ? cause : undefined)
  }
})

it("nothing else is a nes error", () => {
  for (const other of [undefined, null, "ws", {}, new Error("m"), Object.assign(new Error("m"), { isNes: true })]) {
    expect(NesError.isNesError(other)).toBe(false)
  }
})
