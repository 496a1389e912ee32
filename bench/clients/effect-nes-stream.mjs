/** This package's Effect client: a subscription is a Stream, run element by element. */
import { NesClient } from "effect-nes"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { setImmediate } from "node:timers/promises"

export const connect = async (url) => {
  const scope = await Effect.runPromise(Scope.make())
  const nes = await Effect.runPromise(Scope.extend(NesClient.make({ url, reconnect: false }), scope))
  return {
    subscribe: async (path, onUpdate) => {
      const updates = nes.subscribe(path)
      const ended = Effect.runPromiseExit(
        Stream.runForEach(updates, ({ message }) => Effect.sync(() => onUpdate(message)))
      )
      void ended.then((exit) => {
        if (Exit.isFailure(exit)) console.error("the Stream failed", exit.cause)
      })
      while (!(await Effect.runPromise(nes.subscriptions)).includes(path)) await setImmediate()
    },
    request: (path) => Effect.runPromise(nes.request(path))
  }
}
