/** This package's Effect client: a subscription is a Stream, run element by element. */
import { NesClient } from "effect-nes"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { setImmediate } from "node:timers/promises"

export const connect = async (url) => {
  const scope = Scope.makeUnsafe()
  const nes = await Effect.runPromise(Scope.provide(NesClient.make({ url, reconnect: false }), scope))
  return {
    subscribe: async (path, onUpdate) => {
      Effect.runFork(
        Stream.runForEach(nes.subscribe(path), ({ message }) => Effect.sync(() => onUpdate(message))).pipe(
          Effect.tapCause((cause) => Effect.logError("the Stream failed", cause))
        )
      )
      while (!(await Effect.runPromise(nes.subscriptions)).includes(path)) await setImmediate()
    },
    request: (path) => Effect.runPromise(nes.request(path))
  }
}
