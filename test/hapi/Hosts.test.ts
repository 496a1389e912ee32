/** Requests and direct authentication have the host that the connection's upgrade request asked for, as over HTTP. */
import type Hapi from "@hapi/hapi"
import { once } from "node:events"
import { request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { type ClientOptions, WebSocket } from "ws"
import { type Frame, RawClient } from "../harness/RawClient.js"
import { authenticating, live } from "./LiveServer.js"

const declare = (server: Hapi.Server): void => {
  server.route([
    {
      method: "GET",
      path: "/where",
      options: { auth: false },
      handler: ({ info, url }) => ({ host: info.host, hostname: info.hostname, url: url.href })
    },
    { method: "GET", path: "/", vhost: "shop.example", options: { auth: false }, handler: () => "shop" },
    { method: "GET", path: "/", options: { auth: false }, handler: () => "house" }
  ])
}

const welcome = async (url: string, options: ClientOptions = {}): Promise<RawClient> => {
  const socket = new WebSocket(url, options)
  onTestFinished(() => socket.terminate())
  await once(socket, "open")
  const client = new RawClient(socket)
  await client.hello()
  return client
}

const get = (path: string, fields: Frame = {}): Frame => ({ type: "request", method: "GET", path, ...fields })

it.each(["127.0.0.1", "::1"])("a server on %s is asked as over HTTP", async (host) => {
  const server = await live({ hapi: { host }, declare })
  const authority = `${host === "::1" ? "[::1]" : host}:${server.server.info.port}`
  const http = await (await fetch(`http://${authority}/where`)).json() as Frame
  const client = await welcome(`ws://${authority}`)
  expect(await client.ask(get("/where"))).toMatchObject({ statusCode: 200, payload: http })
})

it("virtual hosts are those of the upgrade request, whatever a request says", async () => {
  const server = await live({ declare })
  const shop = await welcome(server.url, { headers: { host: "shop.example" } })
  const house = await welcome(server.url)
  for (const [client, payload] of [[shop, "shop"], [house, "house"]] as const) {
    for (const headers of [{}, { host: "shop.example" }, { Host: "house.example" }]) {
      expect(await client.ask(get("/", { headers }))).toMatchObject({ payload })
    }
  }
})

it("direct authentication is asked under it, too", async () => {
  const hosts: Array<string> = []
  const server = await live({
    prepare: (server) => {
      authenticating(server)
      server.ext("onRequest", (request, h) => {
        hosts.push(`${request.method} ${request.info.host}`)
        return h.continue
      })
    }
  })
  const client = await server.open({ headers: { host: "shop.example" } })
  const auth = (authorization: string): Frame => ({ auth: { headers: { authorization, HOST: "evil.example" } } })
  await client.hello(auth("john"))
  await client.ask({ type: "reauth", ...auth("jane") })
  expect(hosts).toEqual(["auth shop.example", "auth shop.example"])
})

it("a server on a Unix socket has whatever host it is asked by", async () => {
  const path = join(tmpdir(), `effect-nes-${process.pid}.sock`)
  await live({ hapi: { port: path }, declare })
  const http = await new Promise<string>((resolve, reject) => {
    request({ socketPath: path, path: "/where", headers: { host: "unix.example" } }, (response) => {
      response.setEncoding("utf8").toArray().then((text) => resolve(text.join("")), reject)
    }).end()
  })
  const client = await welcome(`ws+unix:${path}:/`, { headers: { host: "unix.example" } })
  expect((await client.ask(get("/where"))).payload).toEqual(JSON.parse(http))
})
