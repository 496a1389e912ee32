/** Subscribing and unsubscribing: what is sent, what is kept, and how each variant ends. */
import { session } from "../harness/Session.js"

const once = { reconnect: false }
const patient = { delay: 20, maxDelay: 40 }

export const subscriptions = [
  ...["a", "", null, undefined, 5].map((path) =>
    session(`subscribe and unsubscribe with the path ${JSON.stringify(path)}`, async (stage) => {
      await stage.connected(once)
      await stage.call("subscribe", path, stage.handler("a"))
      await stage.call("unsubscribe", path, null)
      stage.note("subscriptions", stage.client.subscriptions())
    })
  ),

  ...[null, "text"].map((handler) =>
    session(`subscribe with the handler ${JSON.stringify(handler)}`, async (stage) => {
      const connection = await stage.connected(once)
      const subscribing = stage.call("subscribe", "/a", handler)
      await stage.quiet(20)
      if (connection.hasFrame) {
        await connection.reply({ path: "/a" })
      }
      await subscribing
      stage.note("subscriptions", stage.client.subscriptions())
      connection.send({ type: "pub", path: "/a", message: 1 })
      connection.send({ type: "update", message: "after" })
      await stage.total(1, "onUpdate")
    })
  ),

  session("subscribe before connecting goes into the hello", async (stage) => {
    await stage.call("subscribe#b", "/b", stage.handler("b"))
    await stage.call("subscribe#a", "/a", stage.handler("a"))
    await stage.call("subscribe#b again", "/b", stage.handler("second of b"))
    stage.note("subscriptions", stage.client.subscriptions())
    const connection = await stage.connected(once)
    connection.send({ type: "pub", path: "/b", message: 1 })
    connection.send({ type: "pub", path: "/a", message: 2 })
    await stage.total(1, "handler a")
  }),

  session("subscribe before connecting and unsubscribe again", async (stage) => {
    await stage.call("subscribe#a", "/a", stage.handler("a"))
    await stage.call("subscribe#b", "/b", stage.handler("b"))
    await stage.call("unsubscribe", "/a", null)
    await stage.connected(once)
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("subscribe while opening goes into the hello", async (stage) => {
    const connecting = stage.call("connect", once)
    await stage.call("subscribe", "/a", stage.handler("a"))
    const connection = await stage.server.connection()
    await connection.welcome()
    await connecting
  }),

  session("subscribe when connected", async (stage) => {
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    stage.note("subscriptions while pending", stage.client.subscriptions())
    await connection.reply({ path: "/a" })
    await subscribing
    stage.note("subscriptions", stage.client.subscriptions())
    connection.send({ type: "pub", path: "/a", message: { n: 1 } })
    await stage.total(1, "handler a")
  }),

  session("the same handler twice counts once, further handlers send nothing", async (stage) => {
    const connection = await stage.connected(once)
    const handler = stage.handler("a")
    const subscribing = stage.call("subscribe#first", "/a", handler)
    await connection.reply({ path: "/a" })
    await subscribing
    await stage.call("subscribe#same", "/a", handler)
    await stage.call("subscribe#other", "/a", stage.handler("b"))
    stage.note("subscriptions", stage.client.subscriptions())
    connection.send({ type: "pub", path: "/a", message: 1 })
    await stage.total(1, "handler b")
  }),

  session("a further handler while the first is pending", async (stage) => {
    const connection = await stage.connected(once)
    const first = stage.call("subscribe#first", "/a", stage.handler("a"))
    const frame = await connection.next()
    const second = stage.call("subscribe#second", "/a", stage.handler("b"))
    await stage.quiet(20)
    connection.answer(frame, { path: "/a" })
    await Promise.all([first, second])
    connection.send({ type: "pub", path: "/a", message: 1 })
    await stage.total(1, "handler b")
  }),

  session("one handler for two paths", async (stage) => {
    const connection = await stage.connected(once)
    const handler = stage.handler("both")
    const subscribing = [stage.call("subscribe#a", "/a", handler), stage.call("subscribe#b", "/b", handler)]
    await connection.reply({ path: "/a" })
    await connection.reply({ path: "/b" })
    await Promise.all(subscribing)
    connection.send({ type: "pub", path: "/b", message: "b" })
    connection.send({ type: "pub", path: "/a", message: "a" })
    await stage.total(2, "handler both")
  }),

  session("pub before the sub is answered", async (stage) => {
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    const frame = await connection.next()
    connection.send({ type: "pub", path: "/a", message: "early" })
    connection.answer(frame, { path: "/a" })
    await subscribing
  }),

  session("a refused sub drops the path, with and without a path in the error", async (stage) => {
    const connection = await stage.connected(once)
    const first = stage.call("subscribe#a", "/a", stage.handler("a"))
    await connection.refuse(404, "Subscription not found")
    await first
    const second = stage.call("subscribe#b", "/b", stage.handler("b"))
    await connection.refuse(403, "Forbidden", { path: "/b" })
    await second
    stage.note("subscriptions", stage.client.subscriptions())
    connection.send({ type: "pub", path: "/a", message: 1 })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("a refused sub drops the handlers added meanwhile", async (stage) => {
    const connection = await stage.connected(once)
    const first = stage.call("subscribe#first", "/a", stage.handler("a"))
    const frame = await connection.next()
    const second = stage.call("subscribe#second", "/a", stage.handler("b"))
    await stage.quiet(20)
    connection.answer(frame, { statusCode: 403, payload: { message: "No" } })
    await Promise.all([first, second])
    stage.note("subscriptions", stage.client.subscriptions())
    connection.send({ type: "pub", path: "/a", message: 1 })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("subscribe again after a refusal", async (stage) => {
    const connection = await stage.connected(once)
    const first = stage.call("subscribe#first", "/a", stage.handler("a"))
    await connection.refuse(403, "Forbidden")
    await first
    const second = stage.call("subscribe#second", "/a", stage.handler("a"))
    await connection.reply({ path: "/a" })
    await second
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("subscribe again from within the refusal's callback", async (stage) => {
    const connection = await stage.connected(once)
    const first = stage.call("subscribe#first", "/a", stage.handler("a")).then(() =>
      stage.call("subscribe#second", "/a", stage.handler("b"))
    )
    await connection.refuse(403, "Forbidden")
    await connection.reply({ path: "/a" })
    await first
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("a sub times out", async (stage) => {
    stage.open({ timeout: 250 })
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    const frame = await connection.next()
    await subscribing
    stage.note("subscriptions", stage.client.subscriptions())
    connection.answer(frame, { path: "/a" })
    connection.send({ type: "pub", path: "/a", message: 1 })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("a sub is pending when the connection drops", async (stage) => {
    const connection = await stage.connected(patient)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    await connection.next()
    connection.terminate()
    await subscribing
    const second = await stage.server.connection()
    await second.welcome()
    await stage.total(2, "onConnect")
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("unsubscribe all handlers of a path", async (stage) => {
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    await connection.reply({ path: "/a" })
    await subscribing
    await stage.call("subscribe#b", "/a", stage.handler("b"))
    const unsubscribing = stage.call("unsubscribe", "/a", null)
    stage.note("subscriptions while pending", stage.client.subscriptions())
    connection.send({ type: "pub", path: "/a", message: "between" })
    await connection.reply()
    await unsubscribing
    connection.send({ type: "pub", path: "/a", message: "after" })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("unsubscribe one handler after the other", async (stage) => {
    const connection = await stage.connected(once)
    const [a, b] = [stage.handler("a"), stage.handler("b")]
    const subscribing = stage.call("subscribe#a", "/a", a)
    await connection.reply({ path: "/a" })
    await subscribing
    await stage.call("subscribe#b", "/a", b)
    await stage.call("unsubscribe#a", "/a", a)
    await stage.call("unsubscribe#a again", "/a", a)
    connection.send({ type: "pub", path: "/a", message: 1 })
    await stage.total(1, "handler b")
    const last = stage.call("unsubscribe#b", "/a", b)
    await connection.reply()
    await last
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("unsubscribe what is not subscribed", async (stage) => {
    await stage.connected(once)
    await stage.call("unsubscribe", "/a", null)
    await stage.call("unsubscribe#handler", "/a", stage.handler("a"))
  }),

  session("unsubscribe while not connected sends nothing", async (stage) => {
    await stage.call("subscribe", "/a", stage.handler("a"))
    await stage.call("unsubscribe", "/a", null)
    await stage.call("unsubscribe#again", "/a", null)
    await stage.connected(once)
  }),

  session("an unsub is refused", async (stage) => {
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    await connection.reply({ path: "/a" })
    await subscribing
    const unsubscribing = stage.call("unsubscribe", "/a", null)
    await connection.refuse(500, "An internal server error occurred")
    await unsubscribing
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("an unsub times out", async (stage) => {
    stage.open({ timeout: 250 })
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    await connection.reply({ path: "/a" })
    await subscribing
    await stage.call("unsubscribe", "/a", null)
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("an unsub is pending when the connection drops", async (stage) => {
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    await connection.reply({ path: "/a" })
    await subscribing
    const unsubscribing = stage.call("unsubscribe", "/a", null)
    await connection.next()
    connection.terminate()
    await unsubscribing
    await stage.total(1, "onDisconnect")
  }),

  session("subscribe again after unsubscribing", async (stage) => {
    const connection = await stage.connected(once)
    for (const round of [1, 2]) {
      const subscribing = stage.call(`subscribe#${round}`, "/a", stage.handler("a"))
      await connection.reply({ path: "/a" })
      await subscribing
      const unsubscribing = stage.call(`unsubscribe#${round}`, "/a", null)
      await connection.reply()
      await unsubscribing
    }
  }),

  session("subscribe again while the unsub is pending", async (stage) => {
    const connection = await stage.connected(once)
    const handler = stage.handler("a")
    const subscribing = stage.call("subscribe#first", "/a", handler)
    await connection.reply({ path: "/a" })
    await subscribing
    const calls = [stage.call("unsubscribe", "/a", handler), stage.call("subscribe#second", "/a", handler)]
    await connection.reply()
    await connection.reply({ path: "/a" })
    await Promise.all(calls)
    connection.send({ type: "pub", path: "/a", message: 1 })
    await stage.total(1, "handler a")
  }),

  session("a handler unsubscribes itself during delivery", async (stage) => {
    const connection = await stage.connected(once)
    const a = (...args: ReadonlyArray<unknown>) => {
      stage.handler("a")(...args)
      void stage.call("unsubscribe", "/a", a)
    }
    const subscribing = stage.call("subscribe", "/a", a)
    await connection.reply({ path: "/a" })
    await subscribing
    await stage.call("subscribe#b", "/a", stage.handler("b"))
    connection.send({ type: "pub", path: "/a", message: 1 })
    connection.send({ type: "pub", path: "/a", message: 2 })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("a handler adds another during delivery", async (stage) => {
    const connection = await stage.connected(once)
    const a = (...args: ReadonlyArray<unknown>) => {
      stage.handler("a")(...args)
      if (args[0] === 1) {
        void stage.call("subscribe#b", "/a", stage.handler("b"))
      }
    }
    const subscribing = stage.call("subscribe", "/a", a)
    await connection.reply({ path: "/a" })
    await subscribing
    connection.send({ type: "pub", path: "/a", message: 1 })
    connection.send({ type: "pub", path: "/a", message: 2 })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("subscribe and unsubscribe without a callback", async (stage) => {
    const connection = await stage.connected(once)
    stage.forget("subscribe", "/a", stage.handler("a"))
    await connection.reply({ path: "/a" })
    stage.forget("subscribe", "/a", stage.handler("b"))
    stage.forget("unsubscribe", "/a", null)
    await connection.reply()
    stage.forget("unsubscribe", "/a", null)
    await stage.quiet(20)
    stage.note("subscriptions", stage.client.subscriptions())
  })
]
