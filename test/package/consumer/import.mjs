// What a user of `import` does, on the installed package: all doors, and a round trip over a socket.
import Hapi from "@hapi/hapi"
import Alias, { Client as AliasClient, Nes as AliasNes, plugin as aliasPlugin } from "@hapi/nes"
import AliasLib from "@hapi/nes/lib/client"
import AliasFile from "@hapi/nes/lib/client.js"
import * as Doors from "effect-nes"
import Plain, { Client } from "effect-nes/client"
import Nes, { Client as NesClient, plugin } from "effect-nes/hapi"
import * as NesClientModule from "effect-nes/NesClient"
import * as Effect from "effect/Effect"
import assert from "node:assert/strict"
import { createRequire } from "node:module"
import { roundTrip } from "./round-trip.cjs"

assert.equal(NesClient, Client)
assert.equal(Plain.Client, Client)
assert.equal(Nes.plugin, plugin)
assert.equal(Nes.Client, Client)
assert.equal(Doors.NesClient.layer, NesClientModule.layer)
assert.equal(typeof Doors.NesServer.layer, "function")

const require = createRequire(import.meta.url)
const { version } = require("effect-nes/package.json")
assert.match(version, /^\d+\.\d+\.\d+$/)

// One process, one effect-nes, whichever way it is loaded.
assert.equal(require("effect-nes/client").Client, Client)
assert.equal(require("effect-nes/hapi").plugin, plugin)
assert.equal(require("effect-nes").NesClient.NesClient, NesClientModule.NesClient)
assert.equal(require("effect-nes/NesError").DisconnectError, Doors.NesError.DisconnectError)

// Installed as `@hapi/nes`.
assert.equal(Alias.plugin, aliasPlugin)
assert.equal(Alias.Client, AliasClient)
assert.equal(AliasNes.Client, AliasClient)
assert.equal(AliasLib.Client, AliasClient)
assert.equal(AliasFile.Client, AliasClient)

await roundTrip(Hapi, Nes, Client)
await roundTrip(Hapi, { plugin: Nes, options: { heartbeat: false } }, Nes.Client)
await roundTrip(Hapi, Alias, AliasLib.Client)

// The Effect client.
const server = Hapi.server({ host: "127.0.0.1", port: 0 })
await server.register(Nes)
server.route({ method: "GET", path: "/hello", handler: () => "hello" })
await server.start()
const { payload } = await NesClientModule.NesClient.pipe(
  Effect.flatMap((nes) => nes.request("/hello")),
  Effect.provide(NesClientModule.layer({ url: `ws://127.0.0.1:${server.info.port}` })),
  Effect.runPromise
)
assert.equal(payload, "hello")
await server.stop()
