/** nes-api.txt, `client.request(options, callback)`, against hapi's own routes. */
import Boom from "@hapi/boom"
import type Hapi from "@hapi/hapi"
import { expect, it } from "vitest"
import { live } from "./LiveServer.js"

const echo: Hapi.Lifecycle.Method = ({ headers, method, params, payload }, h) =>
  h.response({ method, params, payload, custom: headers["x-custom"] ?? null }).code(201).header("x-answer", "yes")

const declare = (server: Hapi.Server): void => {
  server.route([
    { method: "GET", path: "/", options: { id: "home" }, handler: () => "home" },
    { method: ["GET", "POST", "PATCH"], path: "/echo/{id}", handler: echo },
    // hapi takes any method, its types only the standard ones.
    { method: "purge" as "GET", path: "/echo/{id}", handler: echo },
    { method: "POST", path: "/by-id", options: { id: "post.it" }, handler: echo },
    { method: "GET", path: "/teapot", handler: () => Promise.reject(Boom.teapot("short and stout")) }
  ])
}

const connect = async () => (await live({ declare, nes: { headers: ["x-answer"] } })).connect()

it("`options` is a text: a path or a route id, by GET", async () => {
  const client = await connect()
  for (const options of ["/", "home"]) {
    expect(await client.request(options)).toMatchObject({ payload: "home", statusCode: 200 })
  }
  expect(await client.request("/echo/5")).toMatchObject({ payload: { method: "get", params: { id: "5" } } })
})

it("`options` is an object: `path` is a path or a route id; `method` is any that the server has, GET by default", async () => {
  const client = await connect()
  expect(await client.request({ path: "/" })).toMatchObject({ payload: "home" })
  for (const method of ["GET", "POST", "patch", "PURGE"]) {
    expect((await client.request({ path: "/echo/5", method })).payload).toMatchObject({ method: method.toLowerCase() })
  }
  // The id says which route: its method counts.
  expect((await client.request({ path: "post.it" })).payload).toMatchObject({ method: "post" })
  await expect(client.request({ path: "/echo/5", method: "DELETE" })).rejects.toMatchObject({ statusCode: 404 })
})

it("`headers` and `payload` reach the handler; without them there are none", async () => {
  const client = await connect()
  const request = { path: "/echo/5", method: "POST" }
  const payload = { text: "ü😀", list: [1, null] }
  expect((await client.request({ ...request, headers: { "X-Custom": "yes" }, payload })).payload)
    .toMatchObject({ payload, custom: "yes" })
  expect((await client.request(request)).payload).toMatchObject({ payload: null, custom: null })
})

it("handlers and the authentication see the address that a connection comes from", async () => {
  const { connect } = await live({
    prepare: (server) => {
      server.listener.on("connection", (socket) => {
        Object.defineProperty(socket, "remoteAddress", { value: "192.0.2.7" })
      })
      server.auth.scheme("from", () => ({
        authenticate: ({ info }, h) => h.authenticated({ credentials: { user: info.remoteAddress } })
      }))
      server.auth.strategy("from", "from")
      server.auth.default("from")
    },
    declare: (server) =>
      server.route({
        method: "GET",
        path: "/from",
        handler: ({ auth, info }) => [info.remoteAddress, auth.credentials]
      })
  })
  const client = await connect({ auth: { headers: {} } })
  expect((await client.request("/from")).payload).toEqual(["192.0.2.7", { user: "192.0.2.7" }])
})

it("`headers` cannot include an Authorization header", async () => {
  const client = await connect()
  await expect(client.request({ path: "/", headers: { Authorization: "Basic x" } })).rejects.toMatchObject({
    type: "server",
    statusCode: 400,
    message: "Cannot include an Authorization header"
  })
})

it("`callback` gets err, payload, statusCode and headers", async () => {
  const client = await connect()
  const called = (options: string): Promise<ReadonlyArray<unknown>> =>
    new Promise((resolve) => client.request(options, (...args) => resolve(args)))
  expect(await called("/echo/5")).toEqual([
    null,
    expect.objectContaining({ method: "get" }),
    201,
    { "x-answer": "yes" }
  ])
  expect(await called("/teapot")).toMatchObject([
    { type: "server", statusCode: 418, message: "short and stout" },
    { message: "short and stout" },
    418,
    {}
  ])
})
