/** Requests and messages: what is sent, how answers of every shape come back, and what fails locally. */
import { WebSocket } from "ws"
import { session } from "../harness/Session.js"
import { serverErrorPayloads } from "./Payloads.js"

const once = { reconnect: false }

const circular = (): object => {
  const value: { self?: object } = {}
  value.self = value
  return value
}

const requestArguments: ReadonlyArray<readonly [string, unknown]> = [
  ["a path", "/item/5"],
  ["a route id", "item"],
  ["an object with a path only", { path: "/item/5" }],
  ["a method and a payload", { method: "POST", path: "/item", payload: { a: [1, "x", null] } }],
  ["headers", { path: "/item", headers: { "x-a": "1", accept: ["a", "b"] } }],
  ["a null payload", { method: "POST", path: "/item", payload: null }],
  ["an empty payload", { method: "POST", path: "/item", payload: "" }],
  ["a payload of zero", { method: "POST", path: "/item", payload: 0 }],
  ["a payload of false", { method: "POST", path: "/item", payload: false }],
  ["an empty method", { method: "", path: "/item" }],
  ["no path", { method: "GET" }],
  ["an empty path", ""],
  ["fields it does not know", { path: "/item", type: "sub", id: 9, extra: true }]
]

const answers: ReadonlyArray<readonly [string, object]> = [
  ["an object", { statusCode: 200, payload: { a: 1 } }],
  ["a string", { statusCode: 200, payload: "text" }],
  ["an empty string", { statusCode: 200, payload: "" }],
  ["null", { statusCode: 200, payload: null }],
  ["nothing", { statusCode: 204 }],
  ["zero", { statusCode: 200, payload: 0 }],
  ["false", { statusCode: 200, payload: false }],
  ["headers", { statusCode: 201, payload: [], headers: { "content-type": "text/plain", "set-cookie": ["a", "b"] } }],
  ["status 399", { statusCode: 399, payload: "x" }],
  ["no status", { payload: "x" }]
]

const messages: ReadonlyArray<unknown> = ["text", "", 0, 1.5, false, true, null, undefined, [1], { a: { b: null } }]

/** Has every socket of the process throw when something is sent, until it is over. */
const refuseToSend = (): { readonly tried: Promise<void>; readonly over: () => void } => {
  const send = Reflect.get(WebSocket.prototype, "send")
  const tried = new Promise<void>((resolve) => {
    WebSocket.prototype.send = () => {
      resolve()
      throw new Error("refused to send")
    }
  })
  return { tried, over: () => void Object.assign(WebSocket.prototype, { send }) }
}

export const requests = [
  ...requestArguments.map(([what, options]) =>
    session(`a request with ${what}`, async (stage) => {
      const connection = await stage.connected(once)
      const requesting = stage.call("request", options)
      await connection.reply({ statusCode: 200, payload: "ok" })
      await requesting
    })
  ),

  session("a request for null", async (stage) => {
    await stage.connected(once)
    await stage.call("request", null)
  }),

  ...answers.map(([what, fields]) =>
    session(`a request answered with ${what}`, async (stage) => {
      const connection = await stage.connected(once)
      const requesting = stage.call("request", "/item")
      await connection.reply(fields)
      await requesting
    })
  ),

  ...serverErrorPayloads.map(([what, fields]) =>
    session(`a request refused with a payload that is ${what}`, async (stage) => {
      const connection = await stage.connected(once)
      const requesting = stage.call("request", "/item")
      await connection.reply({ statusCode: 404, ...fields })
      await requesting
    })
  ),

  ...[400, 403, 500, 599, 600].map((statusCode) =>
    session(`a request answered with status ${statusCode}`, async (stage) => {
      const connection = await stage.connected(once)
      const requesting = stage.call("request", "/item")
      await connection.reply({
        statusCode,
        payload: { error: "Bad", message: "So" },
        headers: { "x-a": "1" },
        path: "/p"
      })
      await requesting
    })
  ),

  session("requests answered out of order", async (stage) => {
    const connection = await stage.connected(once)
    const calls = ["a", "b", "c"].map((name) => stage.call(`request#${name}`, `/${name}`))
    const [a, b, c] = [await connection.next(), await connection.next(), await connection.next()]
    connection.answer(c, { statusCode: 200, payload: "c" })
    connection.answer(a, { statusCode: 200, payload: "a" })
    connection.answer(b, { statusCode: 500, payload: { message: "b" } })
    await Promise.all(calls)
  }),

  session("a request made from within an answer", async (stage) => {
    const connection = await stage.connected(once)
    const requesting = stage.call("request#first", "/a")
    await connection.reply({ statusCode: 200, payload: 1 })
    await requesting
    const second = stage.call("request#second", "/b")
    await connection.reply({ statusCode: 200, payload: 2 })
    await second
  }),

  session("a request times out, and its late answer is silent", async (stage) => {
    stage.open({ timeout: 250 })
    const connection = await stage.connected(once)
    const requesting = stage.call("request", "/slow")
    const frame = await connection.next()
    await requesting
    connection.answer(frame, { statusCode: 200, payload: "late" })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("a message times out, and its late error is silent", async (stage) => {
    stage.open({ timeout: 250 })
    const connection = await stage.connected(once)
    const calling = stage.call("message", "slow")
    const frame = await connection.next()
    await calling
    connection.answer(frame, { statusCode: 500, payload: { message: "late" } })
    connection.send({ type: "update", message: "after" })
    await stage.total(1, "onUpdate")
  }),

  session("a request before connecting", async (stage) => {
    await stage.call("request", "/a")
    await stage.call("message", "a")
    await stage.connected(once)
  }),

  session("a request while opening", async (stage) => {
    stage.server.meet("hold")
    void stage.call("connect", once)
    await stage.server.arrival()
    await stage.call("request", "/a")
  }),

  session("a request after disconnecting", async (stage) => {
    await stage.connected(once)
    await stage.call("disconnect")
    await stage.call("request", "/a")
    await stage.call("message", "a")
  }),

  session("a request while disconnecting", async (stage) => {
    const connection = await stage.connected(once)
    connection.holdBack()
    const disconnecting = stage.call("disconnect")
    await stage.call("request", "/a")
    connection.readOn()
    await disconnecting
    await stage.total(1, "onDisconnect")
  }),

  session("a request while waiting to reconnect", async (stage) => {
    const connection = await stage.connected({ delay: 1000 })
    connection.terminate()
    await stage.total(1, "onDisconnect")
    await stage.call("request", "/a")
    await stage.call("message", "a")
  }),

  session("requests pending when the connection drops", async (stage) => {
    const connection = await stage.connected(once)
    const calls = [stage.call("request#a", "/a"), stage.call("message#b", "b"), stage.call("request#c", "/c")]
    await connection.next()
    await connection.next()
    await connection.next()
    connection.close(1001, "away")
    await Promise.all(calls)
    await stage.total(1, "onDisconnect")
  }),

  session("a request pending with a timeout when the connection drops", async (stage) => {
    stage.open({ timeout: 5000 })
    const connection = await stage.connected(once)
    const requesting = stage.call("request", "/a")
    await connection.next()
    connection.terminate()
    await requesting
    await stage.total(1, "onDisconnect")
  }),

  session("a circular payload fails by itself, and the next request goes on", async (stage) => {
    const connection = await stage.connected(once)
    await stage.call("request#circular", { method: "POST", path: "/a", payload: circular() })
    await stage.call("message#circular", circular())
    await stage.call("message#bigint", 1n)
    const requesting = stage.call("request", "/b")
    await connection.reply({ statusCode: 200, payload: "fine" })
    await requesting
  }),

  session("a socket that refuses to send", async (stage) => {
    const connection = await stage.connected(once)
    const refused = refuseToSend()
    const calls = [
      stage.call("request", "/a"),
      stage.call("message", 1),
      stage.call("subscribe", "/b", stage.handler("b"))
    ]
    refused.over()
    await Promise.all(calls)
    stage.note("subscriptions", stage.client.subscriptions())
    const requesting = stage.call("request#after", "/c")
    await connection.reply({ statusCode: 200, payload: "c" })
    await requesting
  }),

  session("a socket that refuses to send the answer to a ping", async (stage) => {
    const connection = await stage.connected(once)
    connection.send({ type: "ping" })
    const refused = refuseToSend()
    await refused.tried
    refused.over()
    const requesting = stage.call("request", "/a")
    await connection.reply({ statusCode: 200, payload: "a" })
    await requesting
  }),

  session("a circular auth", async (stage) => {
    await stage.call("connect", { ...once, auth: circular() })
    await stage.total(1, "onDisconnect")
  }),

  ...messages.map((message) =>
    session(`a message of ${JSON.stringify(message)}, echoed`, async (stage) => {
      const connection = await stage.connected(once)
      const calling = stage.call("message", message)
      await connection.reply({ message })
      await calling
    })
  ),

  session("a message answered without a message", async (stage) => {
    const connection = await stage.connected(once)
    const calling = stage.call("message", "x")
    await connection.reply()
    await calling
  }),

  session("a message refused", async (stage) => {
    const connection = await stage.connected(once)
    const calling = stage.call("message", "x")
    await connection.refuse(501, "Not Implemented")
    await calling
  }),

  session("calls whose outcome nobody looks at", async (stage) => {
    const connection = await stage.connected(once)
    stage.forget("request", "/a")
    stage.forget("message", "b")
    await connection.next()
    await connection.next()
    connection.terminate()
    await stage.total(1, "onDisconnect")
    await stage.quiet(20)
  })
]
