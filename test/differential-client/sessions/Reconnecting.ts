/** Reconnection: when, with what, how often, and what stops it. */
import { session, session14 } from "../harness/Session.js"

const once = { reconnect: false }
const patient = { delay: 20, maxDelay: 40 }

export const reconnecting = [
  session("a dropped connection comes back with the same auth and subscriptions", async (stage) => {
    const connection = await stage.connected({ ...patient, auth: { token: "t" } }, { socket: "s1" })
    const subscribing = [
      stage.call("subscribe#a", "/a", stage.handler("a")),
      stage.call("subscribe#b", "/b", stage.handler("b"))
    ]
    await connection.reply({ path: "/a" })
    await connection.reply({ path: "/b" })
    await Promise.all(subscribing)
    connection.close(1001, "restart")
    const second = await stage.server.connection()
    await second.welcome({ socket: "s2" })
    await stage.total(2, "onConnect")
    second.send({ type: "pub", path: "/b", message: 1 })
    await stage.total(1, "handler b")
    second.terminate()
    await (await stage.server.connection()).welcome({ socket: "s3" })
    await stage.total(3, "onConnect")
    stage.note("id", stage.client.id)
  }),

  session("a node sends its clients away with a request that it has not answered", async (stage) => {
    const connection = await stage.connected(patient, { socket: "s1" })
    void stage.call("request", "/a")
    await connection.next()
    connection.close(1012, "restart")
    const second = await stage.server.connection()
    await second.welcome({ socket: "s2" })
    await stage.total(2, "onConnect")
    await second.reply({ statusCode: 200, payload: "from the next", headers: {} })
    await stage.total(1, "request")
  }),

  session("subscriptions change while waiting to reconnect", async (stage) => {
    const connection = await stage.connected({ delay: 200 })
    const subscribing = stage.call("subscribe#a", "/a", stage.handler("a"))
    await connection.reply({ path: "/a" })
    await subscribing
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    await stage.call("subscribe#b", "/b", stage.handler("b"))
    await stage.call("unsubscribe", "/a", null)
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session("the delay grows up to its maximum", async (stage) => {
    await stage.connected({ delay: 60, maxDelay: 150, retries: 5 }).then(async (connection) => {
      await stage.server.arrival()
      stage.server.meet("reset", "reset", "reset", "reset")
      let last = performance.now()
      connection.close(1001)
      for (const expected of [60, 120, 150, 150]) {
        const now = await stage.server.arrival()
        // A loaded machine may take longer, never shorter; the next step's delay would show as one step too long.
        stage.note(`waited ${expected} ms`, now - last > expected - 5 ? "yes" : now - last)
        last = now
      }
    })
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session("reconnection off", async (stage) => {
    const connection = await stage.connected(once)
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    await stage.quiet(60)
  }),

  session("retries run out", async (stage) => {
    const connection = await stage.connected({ ...patient, retries: 2 })
    stage.server.meet("reset", "reset", "reset")
    connection.close(1001)
    await stage.total(2, "onError")
    await stage.quiet(80)
    stage.note("overrideReconnectionAuth", stage.client.overrideReconnectionAuth("x"))
    await stage.call("request", "/a")
  }),

  session("connect again after the retries ran out", async (stage) => {
    const connection = await stage.connected({ ...patient, retries: 1 })
    stage.server.meet("reset")
    connection.close(1001)
    await stage.total(1, "onError")
    await stage.quiet(20)
    await stage.connected(once, { socket: "s2" })
  }),

  session("retries run out on the first connection", async (stage) => {
    stage.server.meet("reset", "reset", "reset")
    await stage.call("connect", { ...patient, retries: 2 })
    await stage.total(2, "onError")
    await stage.quiet(80)
  }),

  session("retries: 0", async (stage) => {
    const connection = await stage.connected({ ...patient, retries: 0 })
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session("a connection that flaps runs out of retries", async (stage) => {
    const connection = await stage.connected({ delay: 10, maxDelay: 5000, retries: 1 })
    connection.close(1001)
    const second = await stage.server.connection()
    await second.welcome()
    await stage.total(2, "onConnect")
    second.close(1001)
    await stage.total(2, "onDisconnect")
    await stage.quiet(60)
  }),

  session("a connection that stayed up has its retries again", async (stage) => {
    const connection = await stage.connected({ ...patient, retries: 1 })
    connection.close(1001)
    const second = await stage.server.connection()
    await second.welcome()
    await stage.total(2, "onConnect")
    await stage.quiet(100)
    second.close(1001)
    await stage.total(2, "onDisconnect")
    await (await stage.server.connection()).welcome()
    await stage.total(3, "onConnect")
  }),

  session("attempts that fail in every way before one succeeds", async (stage) => {
    const connection = await stage.connected(patient)
    stage.server.meet("reset", 503, 401)
    connection.terminate()
    await (await stage.server.connection()).welcome({ socket: "s2" })
    await stage.total(2, "onConnect")
  }),

  session("an attempt times out while opening", async (stage) => {
    const connection = await stage.connected({ ...patient, timeout: 300 })
    stage.server.meet("hold")
    connection.terminate()
    await (await stage.server.connection()).welcome({ socket: "s2" })
    await stage.total(2, "onConnect")
  }),

  session("the hello is refused on reconnection", async (stage) => {
    const connection = await stage.connected(patient)
    connection.close(1001)
    await (await stage.server.connection()).refuse(401, "Invalid token")
    await stage.total(1, "onError")
    await stage.quiet(60)
    stage.note("overrideReconnectionAuth", stage.client.overrideReconnectionAuth("x"))
    await stage.connected(once)
  }),

  session("a subscription is refused on reconnection", async (stage) => {
    const connection = await stage.connected(patient)
    const subscribing = [
      stage.call("subscribe#a", "/a", stage.handler("a")),
      stage.call("subscribe#b", "/b", stage.handler("b"))
    ]
    await connection.reply({ path: "/a" })
    await connection.reply({ path: "/b" })
    await Promise.all(subscribing)
    connection.close(1001)
    await (await stage.server.connection()).refuse(403, "Forbidden", { path: "/a" })
    await stage.total(1, "onError")
    stage.note("subscriptions", stage.client.subscriptions())
    await (await stage.server.connection()).welcome({ socket: "s3" })
    await stage.total(2, "onConnect")
  }),

  session14("the hello is refused for the moment on reconnection", async (stage) => {
    const connection = await stage.connected(patient)
    connection.close(1001)
    await (await stage.server.connection()).refuse(429, "Too many requests")
    await (await stage.server.connection()).welcome({ socket: "s3" })
    await stage.total(2, "onConnect")
  }),

  session("the connection drops in mid-hello on reconnection", async (stage) => {
    const connection = await stage.connected(patient)
    connection.close(1001)
    const second = await stage.server.connection()
    await second.next()
    second.terminate()
    await (await stage.server.connection()).welcome({ socket: "s3" })
    await stage.total(2, "onConnect")
  }),

  session("overrideReconnectionAuth says whether it took effect", async (stage) => {
    stage.note("before connecting", stage.client.overrideReconnectionAuth("x"))
    const connection = await stage.connected({ ...patient, auth: "old" })
    stage.note("connected", stage.client.overrideReconnectionAuth("new"))
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    const second = await stage.server.connection()
    await second.welcome()
    await stage.total(2, "onConnect")
    await stage.call("disconnect")
    stage.note("disconnected", stage.client.overrideReconnectionAuth("x"))
  }),

  session("overrideReconnectionAuth while waiting to reconnect", async (stage) => {
    const connection = await stage.connected({ delay: 200, auth: "old" })
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    stage.note("waiting", stage.client.overrideReconnectionAuth({ token: "new" }))
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session("overrideReconnectionAuth takes the auth away", async (stage) => {
    const connection = await stage.connected({ ...patient, auth: "old" })
    stage.note("connected", stage.client.overrideReconnectionAuth(undefined))
    connection.close(1001)
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session("overrideReconnectionAuth with reconnection off", async (stage) => {
    await stage.connected({ ...once, auth: "old" })
    stage.note("connected", stage.client.overrideReconnectionAuth("x"))
  }),

  session14("reauthenticate, and reconnect with the new auth", async (stage) => {
    const connection = await stage.connected({ ...patient, auth: "old" })
    const calling = stage.call("reauthenticate", { token: "new" })
    await connection.reply()
    await calling
    connection.close(1001)
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session14("reauthenticate is refused, and the server disconnects", async (stage) => {
    const connection = await stage.connected({ ...patient, auth: "old" })
    const calling = stage.call("reauthenticate", "bad")
    await connection.refuse(401, "Invalid token")
    await calling
    connection.close()
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session14("reauthenticate when not connected", async (stage) => {
    await stage.call("reauthenticate", "x")
  }),

  session14("reauthenticate without auth, with reconnection off", async (stage) => {
    const connection = await stage.connected(once)
    const calling = stage.call("reauthenticate")
    await connection.reply()
    await calling
  }),

  session14("reauthenticate times out", async (stage) => {
    stage.open({ timeout: 250 })
    const connection = await stage.connected(once)
    const calling = stage.call("reauthenticate", "x")
    await connection.next()
    await calling
  })
]
