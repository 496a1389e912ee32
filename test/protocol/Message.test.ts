import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import * as Codec from "../../src/protocol/Codec.js"
import * as Message from "../../src/protocol/Message.js"
import * as fc from "../harness/Property.js"
import { clientMessage, garbage, json, near, serverMessage } from "./Arbitrary.js"
import { decodeClientMessage } from "./Decoding.js"

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const decode = <A, I>(schema: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (text: string) => decode(parse(text))
}

const decodeClient = decode(Message.ClientMessage)
const decodeServer = decode(Message.ServerMessage)

describe("the plain decoder of client messages equals the Schema", () => {
  /** It may keep fields that the type does not name: the others must be exactly the same. */
  const check = (text: string): void => {
    const plain = decodeClientMessage(text)
    const schema = decodeClient(text)
    expect(Result.isSuccess(plain)).toBe(Result.isSuccess(schema))
    if (Result.isSuccess(plain) && Result.isSuccess(schema)) {
      const kept = Object.entries(plain.success).filter(([name]) => Object.hasOwn(schema.success, name))
      expect(Object.fromEntries(kept)).toEqual(schema.success)
    }
  }

  it("on valid messages, all of which it accepts", () => {
    fc.assert(
      fc.property(clientMessage, (message) => {
        const text = JSON.stringify(message)
        expect(Result.isSuccess(decodeClientMessage(text))).toBe(true)
        check(text)
      }),
      { numRuns: 1000 }
    )
  })

  it("on nearly valid messages", () => {
    fc.assert(fc.property(near(clientMessage), (message) => check(JSON.stringify(message))), { numRuns: 3000 })
  })

  it("on garbage", () => {
    fc.assert(fc.property(garbage, check), { numRuns: 1000 })
  })
})

describe("the plain decoder of server messages equals the Schema", () => {
  /** It returns the parsed object itself: what the Schema keeps of it must be the same. */
  const check = (text: string): void => {
    const plain = Codec.decodeServerMessage(text)
    const schema = decodeServer(text)
    expect(Result.isSuccess(plain)).toBe(Result.isSuccess(schema))
    if (Result.isSuccess(plain) && Result.isSuccess(schema)) {
      expect(plain.success).toMatchObject(schema.success)
    }
  }

  it("on valid messages, all of which it accepts", () => {
    fc.assert(
      fc.property(serverMessage, (message) => {
        const text = JSON.stringify(message)
        expect(Result.isSuccess(Codec.decodeServerMessage(text))).toBe(true)
        check(text)
      }),
      { numRuns: 1000 }
    )
  })

  it("on nearly valid messages", () => {
    fc.assert(fc.property(near(serverMessage), (message) => check(JSON.stringify(message))), { numRuns: 3000 })
  })

  it("on garbage", () => {
    fc.assert(fc.property(garbage, check), { numRuns: 1000 })
  })
})

it("a type that cannot become a string is refused like any other", () => {
  const text = "{\"type\":{\"toString\":1},\"id\":1}"
  expect(Result.isFailure(decodeClientMessage(text))).toBe(true)
  expect(Result.isFailure(Codec.decodeServerMessage(text))).toBe(true)
})

describe("the envelope", () => {
  it("keeps every field of the message, for whoever decodes them next", () => {
    fc.assert(fc.property(clientMessage, json, (message, extra) => {
      const text = JSON.stringify({ ...message, extra })
      expect(Codec.decodeEnvelope(text)).toEqual({
        type: message.type,
        id: message.id,
        fields: JSON.parse(text)
      })
    }))
  })
})
