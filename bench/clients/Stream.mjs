/** This package's Effect client, whose updates come by a Stream that is run element by element. */
import { NesClient } from "effect-nes"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { setImmediate } from "node:timers/promises"

/**
 * @param {(nes: NesClient.Service, path: string) => Stream.Stream<NesClient.Update, unknown>} subscribe
 * @param {(message: unknown) => unknown} decode what is still to be done with each message
 */
export const connectWith = (subscribe, decode = (message) => message) => async (url) => {
  const scope = Scope.makeUnsafe()
  const nes = await Effect.runPromise(Scope.provide(NesClient.make({ url, reconnect: false }), scope))
  return {
    subscribe: async (path, onUpdate) => {
      Effect.runFork(
        Stream.runForEach(subscribe(nes, path), ({ message }) => Effect.sync(() => onUpdate(decode(message)))).pipe(
          Effect.tapCause((cause) => Effect.logError("the Stream failed", cause))
        )
      )
      while (!(await Effect.runPromise(nes.subscriptions)).includes(path)) await setImmediate()
    },
    request: (path) => Effect.runPromise(nes.request(path))
  }
}
