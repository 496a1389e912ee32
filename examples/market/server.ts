/** The market: an Effect server that publishes prices, and the dashboard's files. */
import { Effect, Layer, Random, Schedule } from "effect"
import { ContractServer, NesHttpServer, Refusal } from "effect-nes"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { readFile } from "node:fs/promises"
import { isTraded, Prices, symbols } from "./contract.js"

/** The dashboard needs no build of its own: a page, a script, a style sheet, and the client for a script tag. */
const files = [
  ["/", "index.html", "text/html"],
  ["/dashboard.js", "dashboard.js", "text/javascript"],
  ["/style.css", "style.css", "text/css"],
  ["/icon.svg", "../page/icon.svg", "image/svg+xml"],
  ["/client.global.js", "../../dist/browser/client.global.js", "text/javascript"]
] as const

const serveFile = (name: string, contentType: string) =>
  Effect.map(
    Effect.promise(() => readFile(new URL(name, import.meta.url))),
    (body) =>
      HttpServerResponse.uint8Array(body, {
        contentType,
        headers: { "content-security-policy": "default-src 'self'" }
      })
  )

const routes = Layer.mergeAll(
  Layer.empty,
  ...files.map(([path, name, type]) => HttpRouter.add("GET", path, serveFile(name, type)))
)

/** Every symbol takes a step four times a second. */
const trade = (symbol: string, start: number) => {
  let price = start
  let number = 0
  return Effect.gen(function*() {
    price = Math.max(1, price * (1 + (yield* Random.nextBetween(-0.01, 0.01))))
    yield* ContractServer.publish(Prices, { symbol }, { symbol, price, number: ++number, at: new Date() })
  }).pipe(Effect.repeat(Schedule.spaced("250 millis")))
}

/**
 * The last price of a symbol comes first, and who comes back within ten seconds gets all prices between: later, or
 * beyond 20, there is a gap.
 */
const Feed = ContractServer.layerSubscription(Prices, {
  state: true,
  recovery: { size: 20, age: "10 seconds" },
  onSubscribe: (_socket, _path, { symbol }) =>
    isTraded(symbol) ? Effect.void : Refusal.notFound(`${symbol} is not traded`)
})

const Trade = Layer.effectDiscard(
  Effect.forEach(symbols, (symbol, index) => Effect.forkScoped(trade(symbol, 100 * (index + 1))))
)

/** The server on a port of localhost. */
export const layer = (port: number) =>
  Trade.pipe(
    Layer.provideMerge(Feed),
    Layer.provide(NesHttpServer.layerNode(routes, { port, host: "localhost", gracePeriod: "1 second" }))
  )
