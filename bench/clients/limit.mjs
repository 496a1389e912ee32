/** The limit of a Stream: the plain client's handler resumes a bare fiber, which does nothing but wait for updates. */
import * as Effect from "effect/Effect"
import { connect as connectPlain } from "./effect-nes.mjs"

export const connect = async (url) => {
  const client = await connectPlain(url)
  return {
    subscribe: (path, onUpdate) => {
      let wake
      const update = Effect.callback((resume) => (wake = resume, undefined))
      const each = Effect.flatMap(update, (message) => Effect.sync(() => onUpdate(message)))
      Effect.runFork(Effect.forever(each, { disableYield: true }))
      return client.subscribe(path, (message) => wake(Effect.succeed(message)))
    }
  }
}
