/** How a connection ends: the log of every close code, and `disconnect` in every state. */
import { session, session14 } from "../harness/Session.js"

const once = { reconnect: false }
const patient = { delay: 20, maxDelay: 40 }

const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4000, 4999]

export const closing = [
  ...codes.map((code) =>
    session(`the server closes with ${code}`, async (stage) => {
      const connection = await stage.connected(once)
      connection.close(code, `reason ${code}`)
      await stage.total(1, "onDisconnect")
    })
  ),

  session14("the server closes with 1014", async (stage) => {
    const connection = await stage.connected(once)
    connection.close(1014, "bad gateway")
    await stage.total(1, "onDisconnect")
  }),

  session("the server closes without a code", async (stage) => {
    const connection = await stage.connected(once)
    connection.close()
    await stage.total(1, "onDisconnect")
  }),

  session("the server closes without a reason", async (stage) => {
    const connection = await stage.connected(once)
    connection.close(4001)
    await stage.total(1, "onDisconnect")
  }),

  session("the connection is cut", async (stage) => {
    const connection = await stage.connected(once)
    connection.terminate()
    await stage.total(1, "onDisconnect")
  }),

  ...[1004, 1005, 1006, 1015].map((code) =>
    session(`the server closes with ${code}, which no peer may send`, async (stage) => {
      const connection = await stage.connected(once)
      connection.closeUnlawfully(code)
      await connection.closed
      await stage.quiet(20)
      stage.note("id", stage.client.id)
    })
  ),

  session("the server closes with 1004, which no peer may send, and the client reconnects", async (stage) => {
    const connection = await stage.connected(patient)
    connection.closeUnlawfully(1004)
    await (await stage.server.connection()).welcome({ socket: "s2" })
    await stage.total(2, "onConnect")
  }),

  session("a message larger than the application's own ws limit", async (stage) => {
    stage.open({ ws: { maxPayload: 200 } })
    const connection = await stage.connected(once)
    connection.send({ type: "update", message: "x".repeat(300) })
    await connection.closed
    await stage.quiet(20)
    stage.note("id", stage.client.id)
  }),

  session("disconnect", async (stage) => {
    await stage.connected(patient)
    await stage.call("disconnect")
    await stage.quiet(60)
  }),

  session("disconnect twice at once", async (stage) => {
    await stage.connected(patient)
    await Promise.all([stage.call("disconnect#first"), stage.call("disconnect#second")])
    await stage.call("disconnect#third")
  }),

  session("disconnect before connecting", async (stage) => {
    await stage.call("disconnect")
  }),

  session("disconnect after the server closed", async (stage) => {
    const connection = await stage.connected(once)
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    await stage.call("disconnect")
  }),

  session("disconnect without looking at the outcome", async (stage) => {
    const connection = await stage.connected(patient)
    stage.forget("disconnect")
    await connection.closed
    await stage.total(1, "onDisconnect")
  }),

  session("disconnect while opening", async (stage) => {
    stage.server.meet("hold")
    const connecting = stage.call("connect", patient)
    await stage.server.arrival()
    await Promise.all([stage.call("disconnect"), connecting])
    await stage.quiet(60)
    stage.note("id", stage.client.id)
  }),

  session("disconnect while opening, with reconnection off", async (stage) => {
    stage.server.meet("hold")
    const connecting = stage.call("connect", once)
    await stage.server.arrival()
    await Promise.all([stage.call("disconnect#first"), stage.call("disconnect#second"), connecting])
  }),

  session("disconnect while the hello is pending", async (stage) => {
    const connecting = stage.call("connect", patient)
    const connection = await stage.server.connection()
    await connection.next()
    await Promise.all([stage.call("disconnect"), connecting])
    await stage.total(1, "onDisconnect")
    await stage.quiet(60)
  }),

  session("disconnect with calls pending", async (stage) => {
    const connection = await stage.connected(patient)
    const calls = [
      stage.call("request", "/a"),
      stage.call("message", "b"),
      stage.call("subscribe", "/c", stage.handler("c"))
    ]
    await connection.next()
    await connection.next()
    await connection.next()
    await Promise.all([...calls, stage.call("disconnect")])
    await stage.total(1, "onDisconnect")
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("disconnect while waiting to reconnect", async (stage) => {
    const connection = await stage.connected({ delay: 200 })
    connection.close(1001)
    await stage.total(1, "onDisconnect")
    await stage.call("disconnect")
    await stage.quiet(240)
    await stage.connected(once)
  }),

  session("disconnect while a reconnection is opening", async (stage) => {
    const connection = await stage.connected(patient)
    await stage.server.arrival()
    stage.server.meet("hold")
    connection.close(1001)
    await stage.server.arrival()
    await stage.call("disconnect")
    await stage.quiet(60)
  }),

  session("disconnect from within onDisconnect stops the reconnection", async (stage) => {
    const connection = await stage.connected(patient)
    const watched = stage.client.onDisconnect
    stage.client.onDisconnect = (...args) => {
      watched(...args)
      void stage.call("disconnect")
    }
    connection.close(1001)
    await stage.total(1, "disconnect ")
    await stage.quiet(60)
  }),

  session("connect without waiting for the disconnect", async (stage) => {
    const connection = await stage.connected(once)
    connection.holdBack()
    const disconnecting = stage.call("disconnect")
    const again = stage.call("connect#again", once)
    await stage.quiet(20)
    connection.readOn()
    await disconnecting
    await (await stage.server.connection()).welcome({ socket: "s2" })
    await again
  }),

  session("connect as soon as the disconnect has settled", async (stage) => {
    await stage.connected(patient)
    const again = stage.call("disconnect").then(() => stage.call("connect#again", once))
    await (await stage.server.connection()).welcome({ socket: "s2" })
    await again
  }),

  session("disconnect while the server is closing", async (stage) => {
    const connection = await stage.connected(patient)
    connection.close(1001, "away")
    await stage.call("disconnect")
    await stage.total(1, "onDisconnect")
    await stage.quiet(60)
  })
]
