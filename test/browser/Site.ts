/** A hapi application with pages: our client in both browser builds, `@hapi/nes` 14's, and a login. */
import * as Boom from "@hapi/boom"
import Hapi from "@hapi/hapi"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Nes from "../../src/hapi.js"
import { root } from "../structure/Repository.js"

/** The ways a page comes by a client, each at a path of its own. All leave its class in `Client`. */
export const builds = {
  "effect-nes/browser": "esm",
  "effect-nes/browser/global": "global"
} as const

/** The deployed client, in a page like ours. */
export const nes14 = "nes14"

const scripts: Readonly<Record<string, string>> = {
  "/esm.js": "dist/browser/client.js",
  "/global.js": "dist/browser/client.global.js",
  "/nes14.js": "node_modules/@hapi/nes/lib/client.js"
}

const pages: Readonly<Record<string, string>> = {
  "/esm": `<script type="module">import { Client } from "/esm.js"; globalThis.Client = Client</script>`,
  "/global":
    `<script src="/global.js"></script><script>globalThis.Client = nes.Client === EffectNes.Client && nes.Client</script>`,
  "/nes14": `<script src="/nes14.js"></script><script>globalThis.Client = nes.Client</script>`,
  "/login":
    `<form method="post"><input name="user"><input name="password" type="password"><button>Log in</button></form>`
}

const script = (file: string): string => {
  const path = join(root, file)
  if (!existsSync(path)) {
    throw new Error(`There is no ${file}: run \`npm run build\` first`)
  }
  return readFileSync(path, "utf8")
}

const html = (body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,">${body}</html>`

const addPages = (server: Hapi.Server): void => {
  for (const [path, body] of Object.entries(pages)) {
    server.route({ method: "GET", path, options: { auth: false, handler: () => html(body) } })
  }
  for (const [path, file] of Object.entries(scripts)) {
    server.route({
      method: "GET",
      path,
      options: { auth: false, handler: (_request, h) => h.response(script(file)).type("text/javascript") }
    })
  }
}

/** A login by form, which leaves the browser with a session's cookie. */
const addLogin = (server: Hapi.Server): void => {
  server.state("session", { isSecure: false, isHttpOnly: true, isSameSite: "Strict", path: "/" })
  server.auth.scheme("session", () => ({
    authenticate: (request, h) => {
      const user: unknown = request.state.session
      return typeof user === "string"
        ? h.authenticated({ credentials: { user: { name: user } } })
        : h.unauthenticated(Boom.unauthorized("Nobody is logged in"))
    }
  }))
  server.auth.strategy("session", "session")
  server.route({
    method: "POST",
    path: "/login",
    options: {
      auth: false,
      handler: (request, h) => {
        const { password, user } = request.payload as { readonly user: string; readonly password: string }
        return password === "secret" ? h.redirect("/esm").state("session", user) : h.response("No").code(401)
      }
    }
  })
}

/** What the server heard of its clients. */
export interface Site {
  readonly server: Hapi.Server
  /** Ids of the sockets that have gone. */
  readonly gone: Array<string>
}

/** Starts the application. `auth` puts it behind the login. */
export const start = async (
  { auth = false, port = 0 }: { readonly auth?: boolean; readonly port?: number } = {}
): Promise<Site> => {
  const server = Hapi.server({ port, host: "localhost" })
  const gone: Array<string> = []
  if (auth) {
    addLogin(server)
  }
  const options: Nes.PluginOptions = {
    onMessage: (_socket, message) => ({ echo: message }),
    onDisconnection: (socket) => void gone.push(socket.id),
    ...(auth ? { auth: { type: "cookie", route: "session", isSecure: false } } : { auth: false })
  }
  await server.register({ plugin: Nes.plugin, options })
  addPages(server)
  server.route([
    {
      method: "GET",
      path: "/me",
      options: auth ? { auth: "session" } : {},
      handler: (request) => request.auth.credentials
    },
    { method: "POST", path: "/item/{id}", handler: (request) => ({ id: request.params.id, payload: request.payload }) }
  ])
  server.subscription("/item/{id}")
  await server.start()
  return { server, gone }
}
