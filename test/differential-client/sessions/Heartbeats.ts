/** Pings, and the silence after which a connection counts as dead. */
import { session, session14 } from "../harness/Session.js"

const once = { reconnect: false }
const patient = { delay: 20, maxDelay: 40 }
const brisk = { heartbeat: { interval: 100, timeout: 100 } }

export const heartbeats = [
  session("a ping is answered with a ping, in the order of ids", async (stage) => {
    const connection = await stage.connected(once, { heartbeat: { interval: 15000, timeout: 5000 } })
    connection.send({ type: "ping" })
    await connection.next()
    const requesting = stage.call("request", "/a")
    await connection.reply({ statusCode: 200, payload: 1 })
    await requesting
    connection.send({ type: "ping" })
    connection.send({ type: "ping" })
    await connection.next()
    await connection.next()
  }),

  session("a ping before the hello is answered", async (stage) => {
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    connection.send({ type: "ping" })
    await connection.next()
    connection.answer(hello, { socket: "s1", heartbeat: false })
    await connecting
  }),

  session("silence, with reconnection off", async (stage) => {
    await stage.connected(once, brisk)
    await stage.total(1, "onDisconnect")
  }),

  session("silence, with reconnection on", async (stage) => {
    await stage.connected(patient, brisk)
    const second = await stage.server.connection()
    await second.welcome({ socket: "s2" })
    await stage.total(2, "onConnect")
  }),

  session("silence, with a request pending", async (stage) => {
    const connection = await stage.connected(once, brisk)
    const requesting = stage.call("request", "/a")
    await connection.next()
    await requesting
    await stage.total(1, "onDisconnect")
  }),

  session14("onHeartbeatTimeout reads the state", async (stage) => {
    await stage.connected(once, brisk)
    stage.client.onHeartbeatTimeout = (willReconnect) =>
      stage.note("onHeartbeatTimeout", [willReconnect, stage.client.id])
    await stage.total(1, "onDisconnect")
  }),

  session("a server that is late", async (stage) => {
    const connection = await stage.connected(once, brisk)
    while (!connection.hasFrame && stage.client.id !== null) {
      await stage.quiet(5)
    }
    if (connection.hasFrame) {
      await connection.next()
      connection.send({ type: "ping" })
      await connection.next()
    }
    stage.note("id", stage.client.id)
    await stage.call("disconnect")
  }),

  session("anything that arrives keeps the connection alive", async (stage) => {
    const connection = await stage.connected(once, { heartbeat: { interval: 300, timeout: 300 } })
    for (let n = 0; n < 12; ++n) {
      await stage.quiet(60)
      connection.send(n % 2 === 0 ? { type: "ping" } : "+{")
    }
    stage.note("id", stage.client.id)
  }),

  session("a second connection without a heartbeat is not watched", async (stage) => {
    const connection = await stage.connected({ delay: 150 }, { heartbeat: { interval: 50, timeout: 30 } })
    connection.close(1001)
    const second = await stage.server.connection()
    await second.welcome({ socket: "s2", heartbeat: false })
    await stage.total(2, "onConnect")
    await stage.quiet(140)
    stage.note("id", stage.client.id)
  }),

  session("no watch is left after a disconnect", async (stage) => {
    await stage.connected(once, { heartbeat: { interval: 30, timeout: 20 } })
    await stage.call("disconnect")
    await stage.quiet(80)
  })
]
