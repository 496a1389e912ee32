/** What lives with hapi's start and stop. */
import type { Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

/** Declares routes when the server starts for the first time: the strategies may be declared after the plugin. */
export const declareAtStart = (server: Server, declare: () => void | Promise<void>): void => {
  let isDeclared = false
  server.ext("onPreStart", async () => {
    if (!isDeclared) {
      await declare()
      isDeclared = true
    }
  })
}

/** Runs what has a scope from hapi's start to its stop, before or after hapi has let go of its own connections. */
export const whileStarted = (
  server: Server,
  begin: Effect.Effect<void, never, Scope.Scope>,
  end: "onPreStop" | "onPostStop"
): void => {
  let running: Scope.Closeable | undefined
  server.ext("onPreStart", async () => {
    running = Scope.makeUnsafe()
    await Effect.runPromise(Scope.provide(begin, running))
  })
  server.ext(end, async () => {
    if (running) {
      const closing = Scope.close(running, Exit.void)
      running = undefined
      await Effect.runPromise(closing)
    }
  })
}
