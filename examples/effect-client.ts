/** An Effect client: a request, then a subscription that outlives a lost connection. */
import { Effect, Stream } from "effect"
import { NesClient } from "effect-nes"

const say = (text: string) => Effect.sync(() => console.log(`  effect client  ${text}`))

const watch = Effect.gen(function*() {
  const nes = yield* NesClient.NesClient
  yield* nes.events.pipe(
    Stream.runForEach((event) => say(`event ${event._tag}`)),
    Effect.forkChild
  )
  const { payload, statusCode } = yield* nes.request("/item/5")
  yield* say(`GET /item/5 -> ${statusCode} ${JSON.stringify(payload)}`)
  yield* say(`subscribes to /item/5`)
  yield* nes.subscribe("/item/5").pipe(
    Stream.take(6),
    Stream.runForEach((update) => say(`/item/5 ${JSON.stringify(update.message)}`))
  )
  yield* say("has had six updates and leaves")
})

export const run = (url: string): Promise<void> =>
  Effect.runPromise(watch.pipe(
    Effect.provide(NesClient.layer({ url, reconnect: { delay: "300 millis", maxDelay: "1 second" } }))
  ))
