/** What the server sends unasked: updates, publications, revocations; and application code that throws. */
import { session } from "../harness/Session.js"
import type { Stage } from "../harness/Stage.js"

const once = { reconnect: false }
const patient = { delay: 20, maxDelay: 40 }

const subscribed = async (stage: Stage, options: object = once) => {
  const connection = await stage.connected(options)
  const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
  await connection.reply({ path: "/a" })
  await subscribing
  return connection
}

const values: ReadonlyArray<unknown> = ["text", "", 0, false, null, [1, [2]], { a: { b: null } }]

const revocations: ReadonlyArray<readonly [string, object]> = [
  ["without a message", {}],
  ["with a message", { message: { last: true } }],
  ["with the message null", { message: null }],
  ["with the message 0", { message: 0 }],
  ["with the message false", { message: false }],
  ["with an empty message", { message: "" }]
]

/** Application code that throws; whoever reports it must say what was thrown. */
const thrower = (stage: Stage, where: string) => {
  const thrown = new Error(`from ${where}`)
  const watched = stage.client.onError
  stage.client.onError = (error) => {
    watched(error)
    stage.note("the cause is the original", error instanceof Error && error.cause === thrown)
  }
  return () => {
    throw thrown
  }
}

export const updates = [
  ...values.map((message) =>
    session(`update and pub of ${JSON.stringify(message)}`, async (stage) => {
      const connection = await subscribed(stage)
      connection.send({ type: "update", message })
      connection.send({ type: "pub", path: "/a", message })
      await stage.total(1, "handler a")
    })
  ),

  session("update and pub without a message", async (stage) => {
    const connection = await subscribed(stage)
    connection.send({ type: "pub", path: "/a" })
    connection.send({ type: "update" })
    await stage.total(1, "onUpdate")
  }),

  session("pub for an unknown path is ignored", async (stage) => {
    const connection = await subscribed(stage)
    connection.send({ type: "pub", path: "/b", message: 1 })
    connection.send({ type: "revoke", path: "/b", message: 1 })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("pub without a path", async (stage) => {
    const connection = await subscribed(stage)
    connection.send({ type: "pub", message: 1 })
    connection.send({ type: "revoke", message: 1 })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("pub for a path named like a member of every object", async (stage) => {
    const connection = await subscribed(stage)
    connection.send({ type: "pub", path: "constructor", message: 1 })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("a pub with the marks of an error is still a pub", async (stage) => {
    const connection = await subscribed(stage)
    connection.send({ type: "pub", path: "/a", message: 1, statusCode: 500, payload: { message: "x" } })
    connection.send({ type: "update", message: 2, statusCode: 500, payload: { message: "x" } })
    await stage.total(1, "onUpdate")
  }),

  session("pub and update keep their order", async (stage) => {
    const connection = await subscribed(stage)
    for (let n = 0; n < 20; ++n) {
      connection.send(n % 3 === 0 ? { type: "update", message: n } : { type: "pub", path: "/a", message: n })
    }
    await stage.total(13, "handler a")
  }),

  ...revocations.map(([what, fields]) =>
    session(`revoke ${what}`, async (stage) => {
      const connection = await subscribed(stage)
      connection.send({ type: "revoke", path: "/a", ...fields })
      connection.send({ type: "pub", path: "/a", message: "after" })
      connection.send({ type: "update", message: "after" })
      await stage.total(1, "onUpdate")
      stage.note("subscriptions", stage.client.subscriptions())
      const subscribing = stage.call("subscribe#again", "/a", stage.handler("a"))
      await connection.reply({ path: "/a" })
      await subscribing
    })
  ),

  session("revoke reaches every handler, with the path already gone", async (stage) => {
    const connection = await subscribed(stage)
    await stage.call("subscribe#b", "/a", (...args: ReadonlyArray<unknown>) => {
      stage.handler("b")(...args)
      stage.note("subscriptions", stage.client.subscriptions())
    })
    connection.send({ type: "revoke", path: "/a", message: "last" })
    await stage.total(1, "subscriptions")
  }),

  session("a revoked path is not asked for again", async (stage) => {
    const connection = await subscribed(stage, patient)
    connection.send({ type: "revoke", path: "/a", message: "last" })
    await stage.total(1, "handler a")
    connection.close(1001)
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  }),

  session("revoke while the sub is pending", async (stage) => {
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", stage.handler("a"))
    const frame = await connection.next()
    connection.send({ type: "revoke", path: "/a", message: "last" })
    connection.answer(frame, { path: "/a" })
    await subscribing
    stage.note("subscriptions", stage.client.subscriptions())
  }),

  session("unsubscribe after a revoke sends nothing", async (stage) => {
    const connection = await subscribed(stage)
    connection.send({ type: "revoke", path: "/a", message: "last" })
    await stage.total(1, "handler a")
    await stage.call("unsubscribe", "/a", null)
  }),

  session("event properties can be replaced at any time", async (stage) => {
    const connection = await subscribed(stage)
    connection.send({ type: "update", message: 1 })
    await stage.total(1, "onUpdate")
    stage.client.onUpdate = (message) => stage.note("the new onUpdate", message)
    connection.send({ type: "update", message: 2 })
    await stage.total(1, "the new onUpdate")
  }),

  session("a subscription handler throws", async (stage) => {
    const connection = await stage.connected(once)
    const subscribing = stage.call("subscribe", "/a", thrower(stage, "the handler"))
    await connection.reply({ path: "/a" })
    await subscribing
    await stage.call("subscribe#b", "/a", stage.handler("b"))
    connection.send({ type: "pub", path: "/a", message: 1 })
    await stage.quiet(20)
    connection.send({ type: "update", message: "after" })
    await stage.seen("onUpdate")
  }),

  session("onUpdate throws", async (stage) => {
    const connection = await subscribed(stage)
    stage.client.onUpdate = thrower(stage, "onUpdate")
    connection.send({ type: "update", message: 1 })
    await stage.quiet(20)
    connection.send({ type: "pub", path: "/a", message: "after" })
    await stage.seen("handler a")
  }),

  session("onConnect throws", async (stage) => {
    stage.client.onConnect = thrower(stage, "onConnect")
    const connecting = stage.call("connect", once)
    await (await stage.server.connection()).welcome()
    await connecting
    stage.note("id", stage.client.id)
  }),

  session("onDisconnect throws", async (stage) => {
    const connection = await stage.connected(patient)
    stage.client.onDisconnect = thrower(stage, "onDisconnect")
    connection.close(1001)
    await (await stage.server.connection()).welcome()
    await stage.total(2, "onConnect")
  })
]
