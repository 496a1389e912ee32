/**
 * The hapi application that every hapi-based peer serves: two routes, and an authentication scheme that believes the
 * name in the Authorization header.
 */
import Hapi from "@hapi/hapi"
import { readFileSync } from "node:fs"

const item = (id) => ({ id, sku: `sku-${1000 + id}`, name: "a thing to have", price: 9.95, tags: ["new", "blue"] })

/** What `/small` answers: 24 bytes of JSON. */
export const small = { id: 5, status: "complete" }

/** What `/large` answers: 20 kB of JSON. */
export const large = {
  items: Array.from({ length: 200 }, (_, id) => item(id)),
  rest: ""
}
large.rest = "x".repeat(20_000 - JSON.stringify(large).length)

const localhost = new URL("../../test/hapi/localhost.pem", import.meta.url)

// Whose connection finds the queue full (of 511, by default) tries again after a second: that would be measured.
const backlog = 4096

/** A hapi server on a free port of the loopback, with the application's routes. */
export const make = ({ secure } = {}) => {
  const tls = secure && { cert: readFileSync(localhost), key: readFileSync(localhost) }
  const server = Hapi.server({ host: "127.0.0.1", port: 0, ...(tls && { tls }) })
  const { listener } = server
  const listen = listener.listen.bind(listener)
  listener.listen = (port, host, done) => listen({ port, host, backlog }, done)
  server.route({ method: "GET", path: "/small", handler: () => ({ ...small }) })
  server.route({ method: "GET", path: "/large", handler: () => ({ ...large }) })
  return server
}

/** Adds the authentication scheme, and makes it the default. */
export const authenticate = (server) => {
  server.auth.scheme("name", () => ({
    authenticate: (request, h) => {
      const user = request.headers.authorization
      return h.authenticated({ credentials: { user } })
    }
  }))
  server.auth.strategy("name", "name")
  server.auth.default({ strategy: "name", mode: "try" })
}
