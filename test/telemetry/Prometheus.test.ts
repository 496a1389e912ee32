/** The recipes for `/metrics` of docs/telemetry.md, on both doors: every series of the server is there before anything happens. */
import { expect, it } from "@effect/vitest"
import Hapi from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import { PrometheusMetrics } from "effect/observability"
import { onTestFinished } from "vitest"
import * as Nes from "../../src/hapi.js"
import { serving } from "../http/Serving.js"
import { read } from "../structure/Repository.js"

const documented = [...read("docs/telemetry.md").matchAll(/^\| (`nes_server.*?) +\|/gm)]
  .flatMap(([, names = ""]) => [...names.matchAll(/nes_\w+/g)].map(String))

const serves = (text: string): void => {
  expect(documented.length).toBeGreaterThan(20)
  const served = new Set([...text.matchAll(/^# HELP (\w+) \S.*\n# TYPE \1 /gm)].map(([, name]) => name))
  expect(documented.filter((name) => !served.has(name))).toEqual([])
  expect(text).toMatch(/^nes_server_closes_total\{code="1012"\} 0$/m)
  expect(text).toMatch(/^nes_server_request_duration_ms_count 0$/m)
}

it("hapi", async () => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0 })
  await server.register(Nes.plugin)
  server.route({
    method: "GET",
    path: "/metrics",
    options: { auth: false },
    handler: async (_request, h) => h.response(await Effect.runPromise(PrometheusMetrics.format())).type("text/plain")
  })
  await server.start()
  onTestFinished(() => server.stop({ timeout: 100 }))
  const response = await fetch(`${server.info.uri}/metrics`)
  expect(response.headers.get("content-type")).toMatch(/^text\/plain/)
  serves(await response.text())
})

it.live("Effect", () =>
  Effect.gen(function*() {
    const url = yield* HttpServer.addressFormattedWith(Effect.succeed)
    serves(yield* Effect.promise(() => fetch(`${url}/metrics`).then((response) => response.text())))
  }).pipe(Effect.provide(serving(PrometheusMetrics.layerHttp()))))
