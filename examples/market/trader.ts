/** A trader who thinks slowly: only the newest price waits for them, and what passed by is counted. */
import { Effect, Stream } from "effect"
import { ContractClient, NesClient } from "effect-nes"
import { Prices } from "./contract.js"

/** Watches a symbol for as long as the market is open. */
export const watch = (symbol: string) =>
  Effect.gen(function*() {
    const prices = yield* ContractClient.subscribed(Prices, { symbol }, { capacity: 1, strategy: "sliding" })
    yield* Stream.runForEach(prices, ({ dropped = 0, gap, message }) => {
      const lost = gap === undefined ? "" : ", and some are lost"
      console.log(`trader   ${symbol} ${message.price.toFixed(2)}, ${dropped} prices passed by${lost}`)
      return Effect.sleep("1 second")
    })
  }).pipe(
    Effect.scoped,
    Effect.catchTag("ServerError", ({ message }) => Effect.sync(() => console.log(`trader   ${message}`)))
  )

/** The trader's connection. */
export const connect = (url: string) => NesClient.layer({ url, reconnect: { delay: "200 millis" } })
