/** The live page: its files, what it asks of the server, and a subscription that keeps moving. */
import * as Boom from "@hapi/boom"
import type { Server } from "@hapi/hapi"
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { setInterval } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { addLobby } from "./lobby.js"

const types: Readonly<Record<string, string>> = {
  html: "text/html",
  css: "text/css",
  js: "text/javascript",
  map: "application/json",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml"
}

const read = async (name: string): Promise<Buffer> => {
  const folder = name.startsWith("client.js") ? "../dist/browser/" : "./page/"
  return await readFile(new URL(folder + name, import.meta.url)).catch(() => {
    throw Boom.notFound(folder === "./page/" ? undefined : "There is no build: run `npm run build` first")
  })
}

const addFiles = (server: Server): void => {
  const serve = (path: string, name?: string) =>
    server.route({
      method: "GET",
      path,
      handler: async (request, h) => {
        const file = name ?? String(request.params.name)
        const type = /^[a-z]+(?:\.js)?\.([a-z]+)$/.exec(file)?.[1] ?? ""
        if (types[type] === undefined) {
          throw Boom.notFound()
        }
        return h.response(await read(file)).type(types[type]).header("content-security-policy", "default-src 'self'")
      }
    })
  serve("/", "index.html")
  serve("/page/{name}")
}

/** The documentation, which `npm run docs` makes; where nobody has, the first visitor waits for it. */
const addDocumentation = (server: Server): void => {
  const folder = fileURLToPath(new URL("../site/", import.meta.url))
  const make = promisify(execFile)
  let made: Promise<unknown> | undefined
  server.route([
    { method: "GET", path: "/docs", handler: (_request, h) => h.redirect("/docs/index.html") },
    {
      method: "GET",
      path: "/docs/{path*}",
      handler: async (request, h) => {
        if (!existsSync(join(folder, "index.html"))) {
          made ??= make(process.execPath, [fileURLToPath(new URL("../scripts/docs.mjs", import.meta.url))])
          await made
        }
        const path = join(folder, String(request.params.path))
        const type = types[/\.([a-z]+)$/.exec(path)?.[1] ?? ""]
        if (!path.startsWith(folder) || type === undefined) {
          throw Boom.notFound()
        }
        const file = await readFile(path).catch(() => {
          throw Boom.notFound()
        })
        return h.response(file).type(type).header("content-security-policy", "default-src 'self'")
      }
    }
  ])
}

const addEndpoints = (server: Server): void => {
  server.route([
    {
      method: "POST",
      path: "/broadcast",
      handler: async (request) => {
        const { text } = (request.payload ?? {}) as { readonly text?: unknown }
        if (typeof text !== "string" || text.trim() === "") {
          throw Boom.badRequest("Say something: `text` is blank")
        }
        await server.broadcast({ text: text.trim().slice(0, 120) })
        return { sent: true }
      }
    },
    {
      method: "POST",
      path: "/cut",
      handler: async (request) => {
        if (request.socket === null) {
          throw Boom.badRequest("This request came over no socket that could be cut")
        }
        await request.socket.disconnect()
        return null
      }
    }
  ])
}

/** Publishes to `/vitals` twice a second, and keeps the last minute for who comes back. The numbers let a gap show. */
const addVitals = (server: Server): void => {
  const id = randomUUID()
  const stopped = new AbortController()
  server.subscription("/vitals", { recovery: { size: 120, age: 60_000 } })

  const publish = async (): Promise<void> => {
    let number = 0
    let cpu = process.cpuUsage()
    let time = performance.now()
    for await (const _ of setInterval(500, undefined, { signal: stopped.signal })) {
      let connections = 0
      await server.eachSocket(() => connections++)
      const { system, user } = process.cpuUsage(cpu)
      const elapsed = performance.now() - time
      cpu = process.cpuUsage()
      time += elapsed
      await server.publish("/vitals", {
        server: id,
        number: ++number,
        cpu: (user + system) / elapsed / 10,
        heap: process.memoryUsage().heapUsed / 1_000_000,
        connections,
        uptime: process.uptime()
      })
    }
  }
  server.ext("onPostStart", () => {
    publish().catch((error: unknown) => {
      if (!stopped.signal.aborted) {
        throw error
      }
    })
  })
  server.ext("onPreStop", () => stopped.abort())
}

/** Gives a server the page at `/`. */
export const addPage = (server: Server): void => {
  addFiles(server)
  addDocumentation(server)
  addEndpoints(server)
  addVitals(server)
  addLobby(server)
}
