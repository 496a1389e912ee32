/** What arrives in one read: in what order the application hears of it. */
import { session, session14 } from "../harness/Session.js"

const once = { reconnect: false }

export const together = [
  session("the hello's answer and an update together", async (stage) => {
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    connection.together(() => {
      connection.answer(hello, { socket: "s1", heartbeat: false })
      connection.send({ type: "update", message: "first" })
    })
    await connecting
    await stage.total(1, "onUpdate")
  }),

  session("an answer and an update together", async (stage) => {
    const connection = await stage.connected(once)
    const requesting = stage.call("request", "/a")
    const frame = await connection.next()
    connection.together(() => {
      connection.answer(frame, { statusCode: 200, payload: "a" })
      connection.send({ type: "update", message: "next" })
    })
    await requesting
    await stage.total(1, "onUpdate")
  }),

  session("answers and updates together, in turn", async (stage) => {
    const connection = await stage.connected(once)
    const calls = [stage.call("request", "/a"), stage.call("message", 1), stage.call("request#second", "/b")]
    const frames = [await connection.next(), await connection.next(), await connection.next()]
    connection.together(() => {
      connection.send({ type: "update", message: 0 })
      for (const [n, frame] of frames.entries()) {
        connection.answer(frame, { statusCode: n === 2 ? 404 : 200, payload: {}, message: n })
        connection.send({ type: "update", message: n + 1 })
      }
    })
    await Promise.all(calls)
    await stage.total(4, "onUpdate")
  }),

  session("a sub's answer and its first update together", async (stage) => {
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    const frame = await connection.next()
    connection.together(() => {
      connection.answer(frame, { path: "/a" })
      connection.send({ type: "pub", path: "/a", message: 1 })
      connection.send({ type: "revoke", path: "/a", message: 2 })
      connection.send({ type: "pub", path: "/a", message: 3 })
    })
    await subscribing
    await stage.total(2, "handler")
  }),

  session("an answer and the close together", async (stage) => {
    const connection = await stage.connected(once)
    const calls = [stage.call("request", "/a"), stage.call("request#second", "/b")]
    const frame = await connection.next()
    await connection.next()
    connection.together(() => {
      connection.answer(frame, { statusCode: 200, payload: "a" })
      connection.close(1001)
    })
    await Promise.all(calls)
    await stage.total(1, "onDisconnect")
  }),

  session("the hello's answer and the close together", async (stage) => {
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    connection.together(() => {
      connection.answer(hello, { socket: "s1", heartbeat: false })
      connection.close(1001)
    })
    await connecting
    await stage.total(1, "onDisconnect")
  }),

  session14("a reauth's answer and an update together", async (stage) => {
    const connection = await stage.connected(once)
    const reauth = stage.call("reauthenticate", "new")
    const frame = await connection.next()
    connection.together(() => {
      connection.answer(frame)
      connection.send({ type: "update", message: "next" })
    })
    await reauth
    await stage.total(1, "onUpdate")
  })
]
