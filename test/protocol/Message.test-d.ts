import * as Effect from "effect/Effect"
import { expectTypeOf, test } from "vitest"
import type * as Message from "../../src/protocol/Message.js"
import type { NesError } from "../../src/protocol/NesError.js"

test("a client message is told apart by its type", () => {
  expectTypeOf<Message.ClientMessage["type"]>().toEqualTypeOf<
    "hello" | "reauth" | "request" | "sub" | "unsub" | "message" | "ping" | "cancel" | "rpc" | "ack"
  >()
  expectTypeOf<Extract<Message.ClientMessage, { readonly type: "sub" }>>().toEqualTypeOf<Message.Sub>()
  expectTypeOf<Message.Request["headers"]>().toEqualTypeOf<Message.RequestHeaders | null | undefined>()
  expectTypeOf<Message.Custom["message"]>().toEqualTypeOf<unknown>()
})

test("an error's type and tag go together", () => {
  expectTypeOf<NesError["type"]>().toEqualTypeOf<"disconnect" | "protocol" | "server" | "timeout" | "user" | "ws">()
  expectTypeOf<Extract<NesError, { readonly _tag: "ServerError" }>["type"]>().toEqualTypeOf<"server">()
  expectTypeOf<NesError["isNes"]>().toEqualTypeOf<true>()
})

test("catchTag takes an error away", () => {
  const call = (effect: Effect.Effect<string, NesError>) =>
    effect.pipe(Effect.catchTag("TimeoutError", (error) => Effect.succeed(error.message)))
  expectTypeOf<Effect.Error<ReturnType<typeof call>>>().toEqualTypeOf<
    Exclude<NesError, { readonly _tag: "TimeoutError" }>
  >()
})

export const refused = (effect: Effect.Effect<string, NesError>) =>
  // @ts-expect-error there is no such error
  effect.pipe(Effect.catchTag("OtherError", () => Effect.succeed("")))
