/** Connecting: how `connect` ends, what the hello carries, and what the server may do before it has welcomed the client. */
import { session, session14 } from "../harness/Session.js"
import { hostile, serverErrorPayloads } from "./Payloads.js"

const once = { reconnect: false }
const patient = { delay: 20, maxDelay: 40 }

export const connecting = [
  session("connect settles after onConnect, with the id set", async (stage) => {
    stage.note("id before", stage.client.id)
    await stage.connected(once, { socket: "s7" })
    stage.note("id after", stage.client.id)
    await stage.call("disconnect")
    stage.note("id at the end", stage.client.id)
  }),

  session("connect without options", async (stage) => {
    const connecting = stage.call("connect")
    await (await stage.server.connection()).welcome()
    await connecting
  }),

  ...[{ headers: { authorization: "Basic am9objpzZWNyZXQ=" } }, "token", ["a", 1], 7, true].map((auth) =>
    session(`connect passes auth ${JSON.stringify(auth)}`, async (stage) => {
      await stage.connected({ ...once, auth })
    })
  ),

  ...["", 0, false, null].map((auth) =>
    session(`connect leaves out auth ${JSON.stringify(auth)}`, async (stage) => {
      await stage.connected({ ...once, auth })
    })
  ),

  session("connect to a port nobody listens on, once", async (stage) => {
    stage.open(undefined, "ws://127.0.0.1:1")
    await stage.call("connect", once)
    await stage.quiet(40)
    stage.note("id", stage.client.id)
  }),

  session("connect to a port nobody listens on, with one retry", async (stage) => {
    stage.open(undefined, "ws://127.0.0.1:1")
    await stage.call("connect", { ...patient, retries: 1 })
    await stage.total(1, "onError")
    await stage.quiet(60)
  }),

  session("connect when the socket dies before it opens, once", async (stage) => {
    stage.server.meet("reset")
    await stage.call("connect", once)
    await stage.quiet(40)
  }),

  session("connect when the socket dies before it opens, and again in the background", async (stage) => {
    stage.server.meet("reset")
    const connecting = stage.call("connect", patient)
    const connection = await stage.server.connection()
    await connection.welcome()
    await connecting
    await stage.total(1, "onConnect")
    stage.note("id", stage.client.id)
  }),

  session("connect when the upgrade is refused with 401, once", async (stage) => {
    stage.server.meet(401)
    await stage.call("connect", once)
    await stage.quiet(40)
  }),

  session("connect when the upgrade is refused with 503, and again in the background", async (stage) => {
    stage.server.meet(503)
    const connecting = stage.call("connect", patient)
    await (await stage.server.connection()).welcome()
    await connecting
    await stage.total(1, "onConnect")
  }),

  session("connect times out while opening, once", async (stage) => {
    stage.server.meet("hold")
    await stage.call("connect", { ...once, timeout: 40 })
    await stage.quiet(40)
  }),

  session("connect times out while opening, and tries again", async (stage) => {
    stage.server.meet("hold")
    const connecting = stage.call("connect", { ...patient, timeout: 300 })
    await connecting
    await (await stage.server.connection()).welcome()
    await stage.total(1, "onConnect")
  }),

  session("the connect timeout covers opening only", async (stage) => {
    const connecting = stage.call("connect", { ...once, timeout: 250 })
    const connection = await stage.server.connection()
    await stage.quiet(300)
    await connection.welcome()
    await connecting
  }),

  session("the hello is never answered", async (stage) => {
    stage.open({ timeout: 50 })
    const connecting = stage.call("connect", { delay: 1000 })
    const connection = await stage.server.connection()
    await connection.next()
    await connecting
    await connection.closed
  }),

  session("the hello is refused", async (stage) => {
    const connecting = stage.call("connect", patient)
    const connection = await stage.server.connection()
    await connection.refuse(401, "Connection requires authentication")
    await connecting
    await stage.quiet(60)
  }),

  session("the hello is refused, with reconnection off", async (stage) => {
    const connecting = stage.call("connect", once)
    await (await stage.server.connection()).refuse(401, "Connection requires authentication")
    await connecting
    stage.note("id", stage.client.id)
  }),

  session14("the hello is refused for the moment", async (stage) => {
    const connecting = stage.call("connect", patient)
    await (await stage.server.connection()).refuse(503, "Too many connections")
    await connecting
    await (await stage.server.connection()).welcome()
    await stage.total(1, "onConnect")
  }),

  session14("auth is a function", async (stage) => {
    let tokens = 0
    const connection = await stage.connected({ ...patient, auth: () => `token ${++tokens}` })
    connection.close(1001)
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session("the hello is refused for one subscription of two", async (stage) => {
    await stage.call("subscribe#a", "/a", stage.handler("a"))
    await stage.call("subscribe#b", "/b", stage.handler("b"))
    const connecting = stage.call("connect", patient)
    await (await stage.server.connection()).refuse(403, "Forbidden", { path: "/b" })
    await connecting
    stage.note("subscriptions", stage.client.subscriptions())
    await stage.connected({ reconnect: false })
  }),

  session("the hello is refused and the server closes at once", async (stage) => {
    const connecting = stage.call("connect", patient)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    connection.together(() => {
      connection.answer(hello, { statusCode: 403, payload: { message: "Too many connections" } })
      connection.close(1008, "refused")
    })
    connection.holdBack()
    await stage.quiet(30)
    connection.readOn()
    await connecting
    await stage.total(1, "onDisconnect")
  }),

  ...serverErrorPayloads.map(([what, fields]) =>
    session(`the hello is refused with a payload that is ${what}`, async (stage) => {
      const connecting = stage.call("connect", once)
      await (await stage.server.connection()).reply({ statusCode: 500, ...fields })
      await connecting
    })
  ),

  session("the connection drops in mid-hello, with reconnection off", async (stage) => {
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    await connection.next()
    connection.terminate()
    await connecting
    await stage.quiet(40)
  }),

  session("the connection drops in mid-hello, with reconnection on", async (stage) => {
    const connecting = stage.call("connect", patient)
    const connection = await stage.server.connection()
    await connection.next()
    connection.close(1001)
    await connecting
    await (await stage.server.connection()).welcome()
    await stage.total(1, "onConnect")
  }),

  session("connect while connecting", async (stage) => {
    const first = stage.call("connect#first", patient)
    await stage.call("connect#second", patient)
    await (await stage.server.connection()).welcome()
    await first
  }),

  session("connect while connecting, with reconnection off", async (stage) => {
    const first = stage.call("connect#first", once)
    await stage.call("connect#second", once)
    await (await stage.server.connection()).welcome()
    await first
  }),

  session("connect while connected", async (stage) => {
    await stage.connected(patient)
    await stage.call("connect#second", patient)
    await stage.call("connect#third", once)
  }),

  session("connect while connected, with reconnection off", async (stage) => {
    await stage.connected(once)
    await stage.call("connect#second", once)
    await stage.call("connect#third", patient)
  }),

  session("connect while waiting to reconnect", async (stage) => {
    const connection = await stage.connected({ delay: 1000 })
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    await stage.call("connect#second")
    await stage.call("connect#third", once)
  }),

  session("connect again after a disconnect keeps the subscriptions and goes on counting ids", async (stage) => {
    const connection = await stage.connected(patient)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    await connection.reply()
    await subscribing
    await stage.call("disconnect")
    stage.note("subscriptions", stage.client.subscriptions())
    const second = await stage.connected(once, { socket: "s2" })
    second.send({ type: "pub", path: "/a", message: 1 })
    await stage.seen("handler a")
  }),

  session("connect again after a refused connection", async (stage) => {
    stage.server.meet("reset")
    await stage.call("connect", once)
    await stage.connected(once)
  }),

  session("connect again after the server closed, with reconnection off", async (stage) => {
    const connection = await stage.connected(once)
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    await stage.connected(once)
  }),

  session("connect again from within onDisconnect", async (stage) => {
    const connection = await stage.connected(once)
    const watched = stage.client.onDisconnect
    stage.client.onDisconnect = (...args) => {
      watched(...args)
      void stage.call("connect#again", once)
    }
    connection.close(1001)
    const second = await stage.server.connection()
    await second.welcome({ socket: "s2" })
    await stage.total(2, "onConnect")
  }),

  session("update and pub before the hello is answered", async (stage) => {
    await stage.call("subscribe", "/a", stage.handler("a"))
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    connection.send({ type: "update", message: "early" })
    connection.send({ type: "pub", path: "/a", message: "early too" })
    connection.answer(hello, { socket: "s1", heartbeat: false })
    await connecting
  }),

  session("a request before the hello is answered", async (stage) => {
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    const requesting = stage.call("request", "/early")
    await connection.reply({ statusCode: 200, payload: "first" })
    await requesting
    connection.answer(hello, { socket: "s1", heartbeat: false })
    await connecting
  }),

  session("a subscription before the hello is answered, by a server that is still authenticating", async (stage) => {
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    await stage.quiet(20)
    if (connection.hasFrame) {
      await connection.refuse(401, "Authentication required to subscribe", { path: "/a" })
    }
    connection.answer(hello, { socket: "s1", heartbeat: false })
    await connecting
    if (stage.client.subscriptions().length > 0) {
      await connection.reply({ path: "/a" })
    }
    await subscribing
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("an unsubscription before the hello that asks for its path is answered", async (stage) => {
    await stage.call("subscribe", "/a", stage.handler("a"))
    const connecting = stage.call("connect", once)
    const connection = await stage.server.connection()
    const hello = await connection.next()
    const unsubscribing = stage.call("unsubscribe", "/a", null)
    await stage.quiet(20)
    stage.note("sent before the answer", connection.hasFrame)
    connection.answer(hello, { socket: "s1", heartbeat: false })
    await connecting
    await connection.reply()
    await unsubscribing
  }),

  session("a hello answer without a heartbeat or a socket id", async (stage) => {
    const connecting = stage.call("connect", once)
    await (await stage.server.connection()).reply()
    await connecting
    stage.note("id", stage.client.id)
  }),

  session("onConnect disconnects", async (stage) => {
    const watched = stage.client.onConnect
    stage.client.onConnect = () => {
      watched()
      void stage.call("disconnect")
    }
    const connecting = stage.call("connect", patient)
    await (await stage.server.connection()).welcome()
    await connecting
    await stage.total(1, "disconnect ")
  }),

  session("the ws options are passed on", async (stage) => {
    stage.open({ ws: { headers: { "x-custom": "yes" }, origin: "http://example.com" } })
    const connection = await stage.connected(once)
    stage.note("x-custom", connection.request.headers["x-custom"])
    stage.note("origin", connection.request.headers.origin)
  }),

  session14("an http:// address", async (stage) => {
    stage.open(undefined, stage.server.url.replace("ws:", "http:"))
    await stage.connected(once)
  }),

  session("the default onError prints", async (stage) => {
    const watched = stage.open()
    const Client = watched.constructor as new(url: string) => typeof watched
    const fresh = new Client(stage.server.url)
    stage.client.onError = fresh.onError
    const connection = await stage.connected(once)
    connection.send(hostile.unknownId)
    await stage.total(1, "console.error")
  })
]
