// What a user of `require` does, on the installed package: all doors, and a round trip over a socket.
const Hapi = require("@hapi/hapi")
const Alias = require("@hapi/nes")
const AliasLib = require("@hapi/nes/lib/client")
const Doors = require("effect-nes")
const { Client } = require("effect-nes/client")
const Nes = require("effect-nes/hapi")
const assert = require("node:assert/strict")
const { roundTrip } = require("./round-trip.cjs")

assert.equal(Nes.Client, Client)
assert.equal(typeof Doors.NesClient.layer, "function")
assert.equal(typeof Doors.NesServer.layer, "function")
assert.equal(Alias.Client, AliasLib.Client)

const main = async () => {
  await roundTrip(Hapi, Nes, Client)
  await roundTrip(Hapi, { plugin: Nes, options: { heartbeat: false } }, Nes.Client)
  await roundTrip(Hapi, Alias, Alias.Client)
  await roundTrip(Hapi, { plugin: Alias.plugin }, AliasLib.Client)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
