import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Codec from "../../src/protocol/Codec.js"
import * as Message from "../../src/protocol/Message.js"
import { clientMessage, garbage, json, near, serverMessage } from "./Arbitrary.js"

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * A Schema's union throws where the discriminator cannot become a string (`{ "type": { "toString": 1 } }`); that counts
 * as a refusal here. The plain decoders must not throw even then.
 */
const decode = <A, I>(schema: Schema.Schema<A, I>) => (text: string): Either.Either<A, unknown> => {
  const value = parse(text)
  try {
    return Schema.decodeUnknownEither(schema)(value)
  } catch (error) {
    return Either.left(error)
  }
}

const decodeClient = decode(Message.ClientMessage)
const decodeServer = decode(Message.ServerMessage)

describe("the plain decoder of client messages equals the Schema", () => {
  const check = (text: string): void => {
    const plain = Codec.decodeClientMessage(text)
    const schema = decodeClient(text)
    expect(Either.isRight(plain)).toBe(Either.isRight(schema))
    expect(Either.getOrUndefined(plain)).toEqual(Either.getOrUndefined(schema))
  }

  it("on valid messages, all of which it accepts", () => {
    fc.assert(
      fc.property(clientMessage, (message) => {
        const text = JSON.stringify(message)
        expect(Either.isRight(Codec.decodeClientMessage(text))).toBe(true)
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
    expect(Either.isRight(plain)).toBe(Either.isRight(schema))
    if (Either.isRight(plain) && Either.isRight(schema)) {
      expect(plain.right).toMatchObject(schema.right)
    }
  }

  it("on valid messages, all of which it accepts", () => {
    fc.assert(
      fc.property(serverMessage, (message) => {
        const text = JSON.stringify(message)
        expect(Either.isRight(Codec.decodeServerMessage(text))).toBe(true)
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
  expect(Either.isLeft(Codec.decodeClientMessage(text))).toBe(true)
  expect(Either.isLeft(Codec.decodeServerMessage(text))).toBe(true)
})

describe("the envelope", () => {
  it("keeps every field of the message, for whoever decodes them next", () => {
    fc.assert(fc.property(clientMessage, json, (message, extra) => {
      const text = JSON.stringify({ ...message, extra })
      expect(Either.getOrUndefined(Codec.decodeEnvelope(text))).toEqual({
        type: message.type,
        id: message.id,
        fields: JSON.parse(text)
      })
    }))
  })
})
