/** The server's API over HTTP on hapi, as other languages and curl call it. */
import * as Boom from "@hapi/boom"
import Hapi from "@hapi/hapi"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { describe, expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { programs } from "../structure/Documents.js"
import { bodies, foreignTypes, nested } from "./ApiBodies.js"

const startServer = async (api: Nes.PluginOptions["api"] = { auth: "key" }) => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0 })
  await server.register({ plugin: Nes.plugin, options: { api, auth: { index: true, route: false as never } } })
  server.auth.scheme("key", () => ({
    authenticate: (request, h) => {
      if (request.headers.authorization !== "Bearer secret") {
        return h.unauthenticated(Boom.unauthorized("No"))
      }
      return h.authenticated({ credentials: { user: "job" } })
    }
  }))
  server.auth.strategy("key", "key")
  server.subscription("/item/{id}", {
    recovery: true,
    state: true,
    presence: true,
    auth: { mode: "optional", index: true }
  })
  await server.start()
  onTestFinished(() => server.stop({ timeout: 200 }))
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.info.uri}/nes/api${path}`, {
      method,
      headers: {
        authorization: "Bearer secret",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) })
    })
    const text = await response.text()
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) as unknown }
  }
  const client = new Client(server.info.uri.replace("http", "ws"))
  onTestFinished(() => client.disconnect())
  return { server, ask, client }
}

describe("the API on hapi", () => {
  it("publishes, broadcasts, revokes, disconnects, counts, and reads presence and history", async () => {
    const { ask, client } = await startServer()
    await client.connect({ reconnect: false })
    const heard: Array<unknown> = []
    client.onUpdate = (message) => void heard.push(message)
    await client.subscribe("/item/5", (message, flags) => void heard.push([message, flags]))
    expect(await ask("POST", "/publish", { path: "/item/5", message: { n: 1 } })).toEqual({
      status: 204,
      body: undefined
    })
    expect(await ask("POST", "/broadcast", { message: "all" })).toMatchObject({ status: 204 })
    await expect.poll(() => heard).toEqual([[{ n: 1 }, {}], "all"])
    expect(await ask("GET", "/count")).toEqual({ status: 200, body: { total: 1, nodes: 1, silent: 0 } })
    expect(await ask("GET", "/count?path=/item/6")).toMatchObject({ body: { total: 0 } })
    expect(await ask("GET", "/presence?path=/item/5")).toMatchObject({
      status: 200,
      body: { count: 1, users: [{ id: client.id, value: null }] }
    })
    expect(await ask("GET", "/history?path=/item/5&limit=3")).toMatchObject({
      status: 200,
      body: { updates: [{ message: { n: 1 } }], position: { offset: 1 }, state: { n: 1 } }
    })
    expect(await ask("DELETE", "/history?path=/item/5")).toMatchObject({ status: 204 })
    expect(await ask("GET", "/history?path=/item/5")).toMatchObject({ body: { updates: [] } })
    expect(await ask("POST", "/revoke", { path: "/item/5", socket: client.id, message: "bye" })).toMatchObject({
      status: 204
    })
    await expect.poll(() => heard.at(-1)).toEqual(["bye", { revoked: true }])
    const lost = new Promise<void>((resolve) => {
      client.onDisconnect = () => resolve()
    })
    expect(await ask("POST", "/disconnect", { socket: client.id })).toMatchObject({ status: 204 })
    await lost
  })

  it("does once what is asked with one key, and says so when the key stands for something else", async () => {
    const { ask, client } = await startServer()
    await client.connect({ reconnect: false })
    const heard: Array<unknown> = []
    await client.subscribe("/item/5", (message) => void heard.push(message))
    const publish = (message: unknown, key: string) =>
      ask("POST", "/publish", { path: "/item/5", message }, { "idempotency-key": key })
    expect(await Promise.all([publish(1, "a"), publish(2, "b")])).toMatchObject([{ status: 204 }, { status: 204 }])
    expect(await publish(1, "a")).toMatchObject({ status: 204 })
    expect(await publish(3, "a")).toMatchObject({
      status: 422,
      body: { statusCode: 422, error: "Unprocessable Entity" }
    })
    expect(await publish(3, "x".repeat(256))).toMatchObject({ status: 400 })
    // What has failed may be asked again.
    const wrong = { path: "nowhere", message: 1 }
    expect(await ask("POST", "/publish", wrong, { "idempotency-key": "c" })).toMatchObject({ status: 400 })
    expect(await ask("POST", "/publish", wrong, { "idempotency-key": "c" })).toMatchObject({ status: 400 })
    expect(await publish(4, "d")).toMatchObject({ status: 204 })
    await expect.poll(() => new Set(heard)).toEqual(new Set([1, 2, 4]))
  })

  it("asks who is there before anything else, and refuses what makes no sense", async () => {
    const { ask, server } = await startServer()
    for (
      const [method, path] of [["POST", "/publish"], ["GET", "/count"], ["DELETE", "/history"], [
        "GET",
        "/openapi.json"
      ]]
    ) {
      expect(await ask(method ?? "", path ?? "", method === "POST" ? "{" : undefined, { authorization: "no" }))
        .toMatchObject({
          status: 401
        })
    }
    const bad = [
      ["POST", "/publish", {}],
      ["POST", "/publish", { path: "/item/5" }],
      ["POST", "/publish", { path: 5, message: 1 }],
      ["POST", "/publish", { path: "/item/5", message: 1, usr: "a" }],
      ["POST", "/broadcast", { message: 1, usr: "a" }],
      ["POST", "/revoke", { path: "/item/5", user: "a", paht: "b" }],
      ["POST", "/disconnect", { user: "a", scoket: "b" }],
      ["POST", "/publish", "{"],
      ["POST", "/revoke", { path: "/item/5" }],
      ["POST", "/revoke", { path: "/item/5", user: "a", socket: "b" }],
      ["POST", "/disconnect", {}],
      ["GET", "/history", undefined],
      ["GET", "/history?path=/item/5&limit=-1", undefined],
      ["GET", "/history?path=/nothing", undefined],
      ["GET", "/presence?path=/nothing", undefined]
    ] as const
    for (const [method, path, body] of bad) {
      expect(await ask(method, path, body), `${method} ${path} ${JSON.stringify(body)}`).toMatchObject({
        status: 400,
        body: { statusCode: 400, error: "Bad Request", message: expect.stringMatching(/^.+$/) }
      })
    }
    expect(server.match("post", "/nes/api/publish")).not.toBeNull()
  })

  it("cannot be called by a page of another site: what is not said to be JSON is refused", async () => {
    const { client, server } = await startServer()
    await client.connect({ reconnect: false })
    const heard: Array<unknown> = []
    client.onUpdate = (message) => void heard.push(message)
    const send = async (name: string, body: object, type?: string): Promise<unknown> => {
      const response = await fetch(`${server.info.uri}/nes/api/${name}`, {
        method: "POST",
        headers: { authorization: "Bearer secret", ...(type !== undefined && { "content-type": type }) },
        // Bytes, as a page sends them, come without a type.
        body: new Blob([JSON.stringify(body)])
      })
      return [response.status, await response.text()]
    }
    const refusal = [415, expect.stringContaining("\"message\":\"The content type is to be application/json\"")]
    for (const type of [undefined, ...foreignTypes]) {
      for (const [name, body] of Object.entries(bodies(client.id))) {
        expect(await send(name, body, type), `${name} ${type}`).toEqual(refusal)
      }
    }
    expect(await send("broadcast", { message: "asked" }, "application/json; charset=utf-8")).toEqual([204, ""])
    await expect.poll(() => heard).toEqual(["asked"])
  })

  it("refuses what is nested more deeply than a message may be, and delivers what is not", async () => {
    const { ask, client } = await startServer()
    await client.connect({ reconnect: false })
    const heard: Array<unknown> = []
    client.onUpdate = (message) => void heard.push(message)
    for (const [name, body] of Object.entries(bodies(client.id))) {
      for (const depth of [1_000, 50_000]) {
        for (const key of [{}, { "idempotency-key": `${name}${depth}` }]) {
          expect(await ask("POST", `/${name}`, nested(body, depth), key), `${name} ${depth}`).toEqual({
            status: 400,
            body: { statusCode: 400, error: "Bad Request", message: "Message is nested too deeply" }
          })
        }
      }
    }
    expect(await ask("POST", "/broadcast", nested({ message: 1 }, 999))).toMatchObject({ status: 204 })
    await expect.poll(() => heard.map((message) => JSON.stringify(message))).toEqual([
      "[".repeat(999) + "]".repeat(999)
    ])
  })

  it("is there as soon as the server can start, however often it could not", async () => {
    const server = Hapi.server({ host: "127.0.0.1", port: 0 })
    await server.register({ plugin: Nes.plugin, options: { api: { auth: "later" } } })
    for (let i = 0; i < 2; i++) {
      await expect(server.start()).rejects.toThrow("Unknown authentication strategy later")
      await server.stop()
    }
    server.auth.scheme("later", () => ({ authenticate: (_request, h) => h.authenticated({ credentials: {} }) }))
    server.auth.strategy("later", "later")
    await server.start()
    expect((await fetch(`${server.info.uri}/nes/api/count`)).status).toBe(200)
    await server.stop()
  })

  it("is not there unless it is asked for, and wants to be told who may use it", async () => {
    const { server } = await startServer(false)
    expect((await fetch(`${server.info.uri}/nes/api/count`)).status).toBe(404)
    await expect(Hapi.server().register({ plugin: Nes.plugin, options: { api: {} as Nes.ApiOptions } })).rejects
      .toThrow(
        "Invalid nes configuration: api.auth: expected false or"
      )
  })

  it("describes itself in OpenAPI", async () => {
    const { ask } = await startServer()
    const { body } = await ask("GET", "/openapi.json")
    const { openapi, paths } = body as { readonly openapi: string; readonly paths: Readonly<Record<string, object>> }
    expect(openapi).toMatch(/^3\.1/)
    expect(
      Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
    )
      .toEqual([
        "post /nes/api/publish",
        "post /nes/api/broadcast",
        "post /nes/api/revoke",
        "post /nes/api/disconnect",
        "get /nes/api/count",
        "get /nes/api/presence",
        "get /nes/api/history",
        "delete /nes/api/history"
      ])
  })

  it("is called by curl as the documentation says", async () => {
    const { server } = await startServer()
    const commands = programs("docs/api.md", "sh").join("\n").replaceAll("http://localhost:8000", server.info.uri)
    const { stdout } = await promisify(execFile)("sh", ["-ec", commands])
    expect(stdout).toContain("{\"total\":0,\"nodes\":1,\"silent\":0}")
    expect((await server.history("/item/5").read()).updates).toMatchObject([{ message: { status: "shipped" } }])
  })
})
