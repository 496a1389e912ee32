// What a user of `import` does, on the installed package: all doors, and a round trip over a socket.
import Hapi from "@hapi/hapi"
import * as Doors from "effect-nes"
import { Client } from "effect-nes/client"
import Nes, { Client as NesClient, plugin } from "effect-nes/hapi"
import assert from "node:assert/strict"
import { createRequire } from "node:module"
import { roundTrip } from "./round-trip.cjs"

assert.equal(NesClient, Client)
assert.equal(Nes.plugin, plugin)
assert.equal(Nes.Client, Client)
assert.equal(typeof Doors.NesClient.layer, "function")
assert.equal(typeof Doors.NesServer.layer, "function")

const { version } = createRequire(import.meta.url)("effect-nes/package.json")
assert.match(version, /^\d+\.\d+\.\d+$/)

await roundTrip(Hapi, Nes, Client)
await roundTrip(Hapi, { plugin: Nes, options: { heartbeat: false } }, Nes.Client)
