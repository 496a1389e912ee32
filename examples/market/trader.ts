/** A trader who thinks slowly: only the newest price waits for them, and what passed by is counted. */
import { Effect, Stream } from "effect"
import { ContractClient, NesClient } from "effect-nes"
import { Prices } from "./contract.js"

/** Watches a symbol for as long as the market is open. */
export const watch = (symbol: string) =>
  Effect.gen(function*() {
    let last = 0
    yield* ContractClient.subscribe(Prices, { symbol }, { capacity: 1, strategy: "sliding" }).pipe(
      Stream.runForEach(({ gap, message }) =>
        Effect.gen(function*() {
          const passed = last === 0 ? 0 : message.number - last - 1
          last = message.number
          const lost = gap === undefined ? "" : ", and some are lost"
          console.log(`trader   ${symbol} ${message.price.toFixed(2)}, ${passed} prices passed by${lost}`)
          yield* Effect.sleep("1 second")
        })
      )
    )
  })

/** The trader's connection. */
export const connect = (url: string) => NesClient.layer({ url, reconnect: { delay: "200 millis" } })
