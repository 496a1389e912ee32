/** What one connection may ask for by default, where `@hapi/nes` 14 has no limit. */
import { error, type Script, welcome } from "../Script.js"

const limited = (
  name: string,
  play: Script["play"],
  ours: ReadonlyArray<string>,
  peer: ReadonlyArray<string>,
  application: Script["application"] = {}
): Script => ({
  name,
  application,
  fence: false,
  play,
  expect: { a: ours },
  difference: { id: "S-limits", peer: { a: peer } }
})

const notInitialized = (id: number): string => error(400, "Connection is not initialized", { type: "nonsense", id })
const unknownType = (id: number): string => error(400, "Unknown message type", { type: "nonsense", id })
const longPath = `/${"x".repeat(8192)}`
const deep = `${"[".repeat(1000)}${"]".repeat(1000)}`

export const limits: ReadonlyArray<Script> = [
  limited(
    "limits: a frame that is longer than any payload may be",
    async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "nonsense", id: 2, filler: "x".repeat(1_048_576 + 65_536) })
      await a.next()
    },
    [welcome("a"), "closed 1009"],
    [welcome("a"), unknownType(2)]
  ),
  limited(
    "limits: a first message of more than 64 KiB",
    async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "nonsense", id: 1, filler: "x".repeat(65_536) })
      await a.next()
    },
    ["closed 1009"],
    [notInitialized(1)]
  ),
  limited(
    "limits: 17 messages before the hello",
    async (stage) => {
      const a = await stage.connect("a")
      for (let id = 1; id <= 17; id++) {
        a.send({ type: "nonsense", id })
        await a.next()
      }
    },
    [...Array.from({ length: 16 }, (_, n) => notInitialized(n + 1)), "closed 1008 Too many messages before hello"],
    Array.from({ length: 17 }, (_, n) => notInitialized(n + 1))
  ),
  limited(
    "limits: a path of 8193 characters",
    async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "sub", path: longPath })
      await a.ask({ type: "request", method: "GET", path: longPath })
    },
    [
      welcome("a"),
      error(414, "Message path is too long", { type: "sub", id: 2 }),
      error(414, "Message path is too long", { type: "request", id: 3 })
    ],
    [
      welcome("a"),
      error(404, "Subscription not found", { type: "sub", id: 2 }),
      JSON.stringify({
        type: "request",
        id: 3,
        statusCode: 404,
        payload: { statusCode: 404, error: "Not Found", message: "Not Found" }
      })
    ]
  ),
  limited(
    "limits: a message nested 1001 deep",
    async (stage) => {
      const a = await stage.open("a")
      a.text(`{"type":"nonsense","id":2,"filler":${deep}}`)
      await a.next()
    },
    [welcome("a"), error(400, "Message is nested too deeply", { type: "nonsense", id: 2 })],
    [welcome("a"), unknownType(2)]
  ),
  limited(
    "limits: 1001 paths in a hello",
    async (stage) => {
      await stage.open("a", { subs: Array.from({ length: 1001 }, () => "/o") })
    },
    [error(400, "Message subs has too many paths", { type: "hello", id: 1 })],
    [welcome("a")]
  ),
  limited(
    "limits: 1001 subscriptions",
    async (stage) => {
      const a = await stage.open("a", { subs: Array.from({ length: 1000 }, (_, n) => `/item/${n}`) })
      await a.ask({ type: "sub", path: "/item/0" })
      await a.ask({ type: "sub", path: "/o" })
    },
    [
      welcome("a"),
      JSON.stringify({ type: "sub", id: 2, path: "/item/0" }),
      error(403, "Too many subscriptions", { type: "sub", id: 3, path: "/o" })
    ],
    [
      welcome("a"),
      JSON.stringify({ type: "sub", id: 2, path: "/item/0" }),
      JSON.stringify({ type: "sub", id: 3, path: "/o" })
    ]
  ),
  limited(
    "limits: 1025 messages in flight",
    async (stage) => {
      const a = await stage.open("a")
      for (let id = 2; id < 1026; id++) {
        a.send({ type: "message", id, message: "hang" })
      }
      a.send({ type: "nonsense", id: 1026 })
      await a.next()
    },
    [welcome("a"), error(429, "Too many messages in flight", { type: "nonsense", id: 1026 })],
    [welcome("a"), unknownType(1026)],
    { onMessage: true }
  )
]
