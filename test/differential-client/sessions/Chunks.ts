/** Messages in pieces, pieces that never end, and text that is not JSON. */
import { session } from "../harness/Session.js"

const once = { reconnect: false }
const patient = { delay: 20, maxDelay: 40 }

const slice = (message: object, size: number): ReadonlyArray<string> => {
  const text = JSON.stringify(message)
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, n) => text.slice(n * size, (n + 1) * size))
  return pieces.map((piece, n) => (n === pieces.length - 1 ? "!" : "+") + piece)
}

/** Texts that are wrong by themselves; a good message follows. */
const garbage: ReadonlyArray<readonly [string, string | Buffer]> = [
  ["broken JSON", "{\"type\":"],
  ["broken JSON in a chunk", "!{\"type\":"],
  ["text that is not JSON", "hello"],
  ["an empty text", ""],
  ["an empty last chunk", "!"],
  ["null", "!null"],
  ["a number", "!5"],
  ["a text in JSON", "!\"text\""],
  ["an array", "![1,2]"],
  ["an array without a prefix", "[1,2]"],
  ["binary data", Buffer.from("{\"type\":\"update\",\"message\":\"binary\"}")]
]

export const chunks = [
  ...[1, 7, 1000].map((size) =>
    session(`an update in chunks of ${size}`, async (stage) => {
      const connection = await stage.connected(once)
      for (const chunk of slice({ type: "update", message: { text: "caf\u00e9 \u4e16\u754c", n: 1 } }, size)) {
        connection.send(chunk)
      }
      await stage.total(1, "onUpdate")
    })
  ),

  session("the hello's answer and an answer in chunks", async (stage) => {
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    for (const chunk of slice({ type: "hello", id: hello.id, socket: "s1", heartbeat: false }, 10)) {
      connection.send(chunk)
    }
    await connecting
    const requesting = stage.call("request", "/a")
    const frame = await connection.next()
    for (const chunk of slice({ type: "request", id: frame.id, statusCode: 200, payload: "x".repeat(100) }, 32)) {
      connection.send(chunk)
    }
    await requesting
  }),

  session("any prefix but { and ! continues", async (stage) => {
    const connection = await stage.connected(once)
    connection.send("+{\"type\":\"upd")
    connection.send("?ate\",\"mess")
    connection.send(" age\":1}")
    connection.send("!")
    await stage.total(1, "onUpdate")
  }),

  session("a message interrupts a chunk sequence and is still processed", async (stage) => {
    const connection = await stage.connected(once)
    connection.send("+{\"type\":\"upd")
    connection.send({ type: "update", message: "whole" })
    connection.send("!{\"type\":\"update\",\"message\":\"chunked\"}")
    await stage.total(2, "onUpdate")
  }),

  session("an answer interrupts a chunk sequence", async (stage) => {
    const connection = await stage.connected(once)
    const requesting = stage.call("request", "/a")
    const frame = await connection.next()
    connection.send("+{\"type\":\"upd")
    connection.answer(frame, { statusCode: 200, payload: "good" })
    await requesting
  }),

  session("a chunk sequence does not outlive its connection", async (stage) => {
    const connection = await stage.connected(patient)
    connection.send("+{\"type\":\"upd")
    connection.close(1001)
    const second = await stage.server.connection()
    await second.welcome({ socket: "s2" })
    await stage.total(2, "onConnect")
    second.send("!{\"type\":\"update\",\"message\":\"fresh\"}")
    await stage.total(1, "onUpdate")
  }),

  ...garbage.map(([what, text]) =>
    session(`the server sends ${what}`, async (stage) => {
      const connection = await stage.connected(once)
      connection.send(text)
      connection.send({ type: "update", message: "after" })
      await stage.total(1, "onUpdate")
    })
  )
]
