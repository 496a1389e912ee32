/** Answers that break the protocol: to nobody, of the wrong type, twice, or of a shape no server sends. */
import { session } from "../harness/Session.js"
import { hostile } from "./Payloads.js"

const once = { reconnect: false }

/** Sent to a client that has one request (id 2) pending; a good answer follows. */
const odd: ReadonlyArray<readonly [string, object]> = [
  ["an answer to an unknown id", hostile.unknownId],
  ["an error for an unknown id", { type: "request", id: 99, statusCode: 404, payload: { message: "stray" } }],
  ["an answer without an id", { type: "request", statusCode: 200, payload: "stray" }],
  ["an error without type and id", {
    statusCode: 400,
    payload: { error: "Bad Request", message: "Cannot parse message" }
  }],
  ["an empty object", {}],
  ["an unknown type with an unknown id", { type: "surprise", id: 99 }],
  ["an unknown type without an id", { type: "surprise" }],
  ["an id named like a member of every object", { type: "request", id: "constructor", statusCode: 200 }],
  ["an id that names the prototype", { type: "request", id: "__proto__", statusCode: 200 }]
]

/** Answers with the id of the pending request. */
const wrong: ReadonlyArray<readonly [string, object]> = [
  ["an unknown type", { type: "surprise", payload: "x" }],
  ["an unknown type and an error", { type: "surprise", statusCode: 400, payload: { message: "no" } }],
  ["no type", { type: undefined, statusCode: 200, payload: "x" }],
  ["no type and an error", { type: undefined, statusCode: 400, payload: { message: "no" } }],
  ["a null type", { type: null }],
  ["the type message", { type: "message", message: "m", payload: "p" }],
  ["the type sub", { type: "sub", path: "/a" }],
  ["the type hello", { type: "hello", socket: "s9", heartbeat: false }],
  ["the id as a text", { id: "2", statusCode: 200, payload: "x" }],
  ["the status as a text", { statusCode: "404", payload: { message: "no" } }],
  ["a status of zero", { statusCode: 0, payload: "x" }],
  ["headers that are a text", { statusCode: 200, payload: "x", headers: "y" }]
]

export const answers = [
  ...odd.map(([what, message]) =>
    session(`the server sends ${what}`, async (stage) => {
      const connection = await stage.connected(once)
      const requesting = stage.call("request", "/a")
      const frame = await connection.next()
      connection.send(message)
      connection.answer(frame, { statusCode: 200, payload: "good" })
      await requesting
    })
  ),

  ...wrong.map(([what, fields]) =>
    session(`a request is answered with ${what}`, async (stage) => {
      const connection = await stage.connected(once)
      const requesting = stage.call("request", "/a")
      await connection.reply(fields)
      await requesting
      connection.send({ type: "update", message: "after" })
      await stage.total(1, "onUpdate")
    })
  ),

  session("a request is answered twice", async (stage) => {
    const connection = await stage.connected(once)
    const requesting = stage.call("request", "/a")
    const frame = await connection.reply({ statusCode: 200, payload: 1 })
    connection.answer(frame, { statusCode: 200, payload: 2 })
    await requesting
    await stage.total(1, "onError")
  }),

  session("an error for no call in particular, while nothing is pending", async (stage) => {
    const connection = await stage.connected(once)
    connection.send({ statusCode: 400, payload: { error: "Bad Request", message: "Cannot parse message" } })
    await stage.total(1, "onError")
  })
]
