// What a user of `require` does, on the installed package: all doors, and a round trip over a socket.
const Hapi = require("@hapi/hapi")
const Doors = require("effect-nes")
const { Client } = require("effect-nes/client")
const Nes = require("effect-nes/hapi")
const assert = require("node:assert/strict")
const { roundTrip } = require("./round-trip.cjs")

assert.equal(Nes.Client, Client)
assert.equal(typeof Doors.NesClient.layer, "function")
assert.equal(typeof Doors.NesServer.layer, "function")

const main = async () => {
  await roundTrip(Hapi, Nes, Client)
  await roundTrip(Hapi, { plugin: Nes, options: { heartbeat: false } }, Nes.Client)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
