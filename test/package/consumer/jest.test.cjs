// What a hapi application's tests do: jest has modules of its own, and gets the CommonJS of every door.
const Hapi = require("@hapi/hapi")
const Alias = require("@hapi/nes")
const { Client, DisconnectError } = require("effect-nes/client")
const Nes = require("effect-nes/hapi")
const { roundTrip } = require("./round-trip.cjs")

test("the doors are one package", () => {
  expect(Nes.Client).toBe(Client)
  expect(require("effect-nes").plugin).toBe(Nes.plugin)
  expect(require("effect-nes/lib/client").Client).toBe(Client)
})

test("a round trip", () => roundTrip(Hapi, Nes, Client))

test("a round trip, installed as @hapi/nes", () => roundTrip(Hapi, Alias, Alias.Client))

test("the client's errors are its classes", async () => {
  await expect(new Client("ws://127.0.0.1").request("/")).rejects.toBeInstanceOf(DisconnectError)
})
