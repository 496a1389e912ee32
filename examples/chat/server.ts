/** A node of the chat: login by cookie, rooms with presence and history by a contract, and the page. */
import * as Boom from "@hapi/boom"
import Hapi from "@hapi/hapi"
import { Effect } from "effect"
import { ContractServer, NesServer } from "effect-nes"
import * as Nes from "effect-nes/hapi"
import { redis } from "effect-nes/redis"
import { readFile } from "node:fs/promises"
import { Said } from "./contract.js"

/** What a node is made of. */
export interface Options {
  readonly port: number
  readonly redis: string
  /** What sessions are sealed with, on all nodes. */
  readonly password: string
  /** The page's script. */
  readonly script: Uint8Array
}

const file = (name: string): Promise<Buffer> => readFile(new URL(name, import.meta.url))

/** A session is a sealed cookie that names the user. */
const addSessions = (server: Hapi.Server, password: string): void => {
  server.state("session", { encoding: "iron", password, isSecure: false, isSameSite: "Strict", path: "/" })
  server.auth.scheme("session", () => ({
    authenticate: ({ state }, h) => {
      const { name } = (state.session ?? {}) as { readonly name?: unknown }
      return typeof name === "string"
        ? h.authenticated({ credentials: { user: name as never } })
        : h.unauthenticated(Boom.unauthorized("Nobody has logged in"))
    }
  }))
  server.auth.strategy("session", "session")
  server.auth.default("session")
}

const textOf = (value: unknown, longest: number): string => {
  const text = typeof value === "string" ? value.trim() : ""
  if (text === "" || text.length > longest) {
    throw Boom.badRequest(`Write 1 to ${longest} characters`)
  }
  return text
}

/** Makes a node; `start` it. */
export const makeNode = async ({ password, port, redis: url, script }: Options): Promise<Hapi.Server> => {
  const server = Hapi.server({ port, host: "localhost", state: { strictHeader: false } })
  addSessions(server, password)
  await server.register({
    plugin: Nes.plugin,
    options: {
      auth: { type: "cookie", password, isSecure: false, index: "user" },
      origin: `http://localhost:${port}`,
      broker: redis(url)
    }
  })
  await Effect.runPromise(
    ContractServer.subscription(Said, { recovery: { size: 200, age: "1 hour" }, presence: { grace: "2 seconds" } })
      .pipe(
        Effect.provideService(NesServer.NesServer, server.plugins.nes)
      )
  )
  const { publish } = ContractServer.make(server.plugins.nes)
  server.route([
    {
      method: "POST",
      path: "/chat/{room}",
      handler: async ({ auth, params, payload }) => {
        const { text } = (payload ?? {}) as { readonly text?: unknown }
        const { room } = params as { readonly room: string }
        const said = { from: String(auth.credentials.user), text: textOf(text, 500), at: Date.now(), node: port }
        await Effect.runPromise(publish(Said, { room }, said))
        return null
      }
    },
    {
      method: "POST",
      path: "/login",
      options: { auth: false },
      handler: ({ payload }, h) => {
        const { name } = (payload ?? {}) as { readonly name?: unknown }
        return h.redirect("/").state("session", { name: textOf(name, 20) })
      }
    },
    { method: "GET", path: "/logout", handler: (_request, h) => h.redirect("/").unstate("session").unstate("nes") },
    {
      method: "GET",
      path: "/",
      options: { auth: { mode: "try" } },
      handler: async ({ auth }, h) =>
        h.response(await file(auth.isAuthenticated ? "index.html" : "login.html")).type("text/html")
          .header("content-security-policy", "default-src 'self'")
    },
    {
      method: "GET",
      path: "/style.css",
      options: { auth: false },
      handler: async (_request, h) => h.response(await file("style.css")).type("text/css")
    },
    {
      method: "GET",
      path: "/icon.svg",
      options: { auth: false },
      handler: async (_request, h) => h.response(await file("../page/icon.svg")).type("image/svg+xml")
    },
    {
      method: "GET",
      path: "/main.js",
      options: { auth: false },
      handler: (_request, h) => h.response(Buffer.from(script)).type("text/javascript")
    },
    { method: "GET", path: "/me", handler: ({ auth }) => ({ name: auth.credentials.user, node: port }) }
  ])
  return server
}
