/** `npm run market`: an Effect server that publishes prices, an Effect client that is slow, and a dashboard in plain JavaScript. */
import { Effect, Layer } from "effect"
import { choosePort, interrupted } from "../terminal.js"
import { symbols } from "./contract.js"
import * as Market from "./server.js"
import * as Trader from "./trader.js"

const port = await choosePort("npm run market", 8030)
const url = `http://localhost:${port}`

const program = Effect.gen(function*() {
  yield* Layer.build(Market.layer(port))
  console.log(`market   Open ${url} in a browser: a dashboard. Ctrl-C ends it.`)
  for (const symbol of [symbols[0], "ZULU"]) {
    yield* Effect.forkScoped(Effect.provide(Trader.watch(symbol), Trader.connect(url)))
  }
  yield* Effect.promise(() => interrupted)
  console.log("\nmarket   stops: clients, then the server")
})

await Effect.runPromise(Effect.scoped(program))
process.exit(0)
