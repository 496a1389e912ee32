import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import * as Chunk from "../../src/protocol/Chunk.js"
import * as Codec from "../../src/protocol/Codec.js"
import { ProtocolError, UserError } from "../../src/protocol/NesError.js"
import * as fc from "../harness/Property.js"
import { clientMessage, garbage, json, near, serverMessage } from "./Arbitrary.js"
import { decodeClientMessage } from "./Decoding.js"

const decoded = <A, E>(result: Result.Result<A, E>): A => Result.getOrThrowWith(result, (error) => error)

const refusal = (text: string): Codec.Refusal => decoded(Result.flip(decodeClientMessage(text)))

describe("any JSON value", () => {
  // Equality is that of the texts: it tells apart absent and undefined, the order of keys, and own `__proto__` keys.
  it("survives encode, chunk at any size, join and decode, from server to client", () => {
    fc.assert(
      fc.property(json, fc.integer({ min: 1, max: 200 }), (message, size) => {
        const text = decoded(Codec.encode({ type: "update", message }))
        const joiner = new Chunk.Joiner()
        const joined = Chunk.split(text, size).map((chunk) => joiner.push(Buffer.from(chunk).toString())).at(-1)
        const update = decoded(Codec.decodeServerMessage(joined ?? ""))
        expect(JSON.stringify(update)).toBe(JSON.stringify({ type: "update", message }))
      }),
      { numRuns: 2000 }
    )
  })

  it("survives encode and decode, from client to server", () => {
    fc.assert(
      fc.property(json, (message) => {
        const text = decoded(Codec.encode({ type: "message", id: 1, message }))
        const custom = decoded(decodeClientMessage(text))
        expect(JSON.stringify(custom)).toBe(JSON.stringify({ type: "message", id: 1, message }))
      }),
      { numRuns: 1000 }
    )
  })
})

describe("any garbage", () => {
  const texts = fc.oneof(
    garbage,
    near(clientMessage).map((fields) => JSON.stringify(fields)),
    near(serverMessage).map((fields) => JSON.stringify(fields))
  )

  it("yields a typed protocol error or a message at the server, and nothing else", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const result = decodeClientMessage(text)
        if (Result.isFailure(result)) {
          expect(result.failure.error).toBeInstanceOf(ProtocolError)
          expect(result.failure.error.message).not.toBe("")
          expect(result.failure.error.message.length).toBeLessThan(200)
        } else {
          expect(Result.isSuccess(decodeClientMessage(decoded(Codec.encode(result.success))))).toBe(true)
        }
      }),
      { numRuns: 2000 }
    )
  })

  it("yields a typed protocol error or a message at the client, and nothing else", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const result = Codec.decodeServerMessage(text)
        if (Result.isFailure(result)) {
          expect(result.failure).toBeInstanceOf(ProtocolError)
          expect(result.failure.message).not.toBe("")
        } else {
          expect(result.success).toBeTypeOf("object")
        }
      }),
      { numRuns: 2000 }
    )
  })

  it("is refused with the same text when nested deeper than the stack", () => {
    const deep = "[".repeat(500_000) + "]".repeat(500_000)
    expect(refusal(deep).error.message).toBe("Cannot parse message")
    expect(refusal(`{"type":"hello","id":1,"version":${deep}}`).error.message).toBe(
      "Incorrect protocol version (expected 2 but received [object Array])"
    )
  })
})

// interop.md, "Server answers"
describe("decodeClientMessage refuses", () => {
  const rows: ReadonlyArray<readonly [text: string, message: string]> = [
    ["", "Cannot parse message"],
    ["{", "Cannot parse message"],
    ["+{}", "Cannot parse message"],
    ["null", "Cannot parse message"],
    ["[]", "Cannot parse message"],
    ["1", "Cannot parse message"],
    ["\"text\"", "Cannot parse message"],
    ["{}", "Cannot parse message"],
    ["{\"type\":\"\",\"id\":1}", "Cannot parse message"],
    ["{\"type\":null,\"id\":1}", "Cannot parse message"],
    ["{\"type\":5,\"id\":1}", "Message type must be a string"],
    ["{\"type\":\"ping\"}", "Message missing id"],
    ["{\"type\":\"ping\",\"id\":0}", "Message missing id"],
    ["{\"type\":\"ping\",\"id\":-0}", "Message missing id"],
    ["{\"type\":\"ping\",\"id\":\"\"}", "Message missing id"],
    ["{\"type\":\"ping\",\"id\":null}", "Message missing id"],
    ["{\"type\":\"ping\",\"id\":{}}", "Message id must be a number or a string"],
    ["{\"type\":\"ping\",\"id\":true}", "Message id must be a number or a string"],
    ["{\"type\":\"ping\",\"id\":1e999}", "Message id must be a number or a string"],
    ["{\"type\":\"other\",\"id\":1}", "Unknown message type"],
    ["{\"type\":\"toString\",\"id\":1}", "Unknown message type"],
    ["{\"type\":\"hello\",\"id\":1}", "Incorrect protocol version (expected 2 but received none)"],
    ["{\"type\":\"hello\",\"id\":1,\"version\":\"1\"}", "Incorrect protocol version (expected 2 but received 1)"],
    ["{\"type\":\"hello\",\"id\":1,\"version\":2}", "Incorrect protocol version (expected 2 but received 2)"],
    ["{\"type\":\"hello\",\"id\":1,\"version\":\"2\",\"subs\":\"/a\"}", "Message subs must be an array of strings"],
    ["{\"type\":\"hello\",\"id\":1,\"version\":\"2\",\"subs\":[1]}", "Message subs must be an array of strings"],
    ["{\"type\":\"request\",\"id\":1,\"path\":\"/\"}", "Message missing method"],
    ["{\"type\":\"request\",\"id\":1,\"path\":\"/\",\"method\":1}", "Message method must be a string"],
    ["{\"type\":\"request\",\"id\":1,\"method\":\"GET\"}", "Message missing path"],
    ["{\"type\":\"request\",\"id\":1,\"method\":\"GET\",\"path\":[]}", "Message path must be a string"],
    [
      "{\"type\":\"request\",\"id\":1,\"method\":\"GET\",\"path\":\"/\",\"headers\":[]}",
      "Message headers must be an object of header values"
    ],
    ["{\"type\":\"sub\",\"id\":1}", "Message missing path"],
    ["{\"type\":\"sub\",\"id\":1,\"path\":1}", "Message path must be a string"],
    ["{\"type\":\"unsub\",\"id\":1,\"path\":{}}", "Message path must be a string"]
  ]

  it.each(rows)("%s: %s", (text, message) => {
    expect(refusal(text).error.message).toBe(message)
  })

  it("and still quotes the type and the id where it could read them", () => {
    expect(refusal("{\"id\":7}")).toMatchObject({ type: undefined, id: 7 })
    expect(refusal("{\"type\":\"sub\"}")).toMatchObject({ type: "sub", id: undefined })
    expect(refusal("{\"type\":\"sub\",\"id\":\"a\"}")).toMatchObject({ type: "sub", id: "a" })
    expect(refusal("nonsense")).toMatchObject({ type: undefined, id: undefined })
  })
})

it("a header named __proto__ is dropped", () => {
  const request = decoded(decodeClientMessage(
    "{\"type\":\"request\",\"id\":1,\"method\":\"GET\",\"path\":\"/\",\"headers\":{\"__proto__\":[\"a\"],\"b\":\"c\"}}"
  ))
  expect(Object.getOwnPropertyNames("headers" in request ? request.headers : {})).toEqual(["b"])
})

describe("decodeServerMessage refuses", () => {
  it("text that is not JSON with JSON.parse's own message and the original as cause", () => {
    let original: unknown
    try {
      JSON.parse("{nonsense")
    } catch (error) {
      original = error
    }
    const error = decoded(Result.flip(Codec.decodeServerMessage("{nonsense")))
    expect(error.message).toBe(original instanceof Error ? original.message : undefined)
    expect(error.cause).toBeInstanceOf(SyntaxError)
  })

  it("an answer with a field of the wrong type, naming the call it was for", () => {
    const error = decoded(Result.flip(Codec.decodeServerMessage("{\"type\":\"request\",\"id\":3,\"headers\":1}")))
    expect(error).toMatchObject({ message: "Received invalid message", id: 3 })
    expect(decoded(Result.flip(Codec.decodeServerMessage("[]"))).id).toBeUndefined()
  })
})

describe("encode", () => {
  it("fails with JSON.stringify's own message as a user error", () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const message of [circular, 1n]) {
      const error = decoded(Result.flip(Codec.encode({ type: "message", id: 1, message })))
      expect(error).toBeInstanceOf(UserError)
      expect(error.cause).toBeInstanceOf(TypeError)
      expect(error.message).toBe(error.cause instanceof Error ? error.cause.message : undefined)
    }
  })

  it("passes on what a value's own toJSON throws", () => {
    const error = decoded(Result.flip(Codec.encode({
      type: "message",
      id: 1,
      message: {
        toJSON() {
          throw new Error("no")
        }
      }
    })))
    expect(error).toMatchObject({ _tag: "UserError", message: "no" })
  })
})
