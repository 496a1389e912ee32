/** A hapi server whose clients have names, and how they come and go. */
import type { Server } from "@hapi/hapi"
import { onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import type * as Nes from "../../src/hapi.js"
import { startServer as startBare } from "../hapi/RecoveryServer.js"

export const startServer = async (declare: (server: Server) => void, options: Nes.PluginOptions = {}) => {
  const bare = await startBare({}, { auth: { index: true, route: "named" }, ...options }, (server) => {
    server.auth.scheme("named", () => ({
      authenticate: (request, h) => {
        const { "x-scope": scope, "x-user": user } = request.headers
        return h.authenticated({ credentials: { user, scope: scope ? String(scope).split(",") : [] } })
      }
    }))
    server.auth.strategy("named", "named")
  })
  declare(bare.server)
  return {
    ...bare,
    connect: async (user: string, scope: ReadonlyArray<string> = []): Promise<Client> => {
      const client = new Client(bare.url)
      onTestFinished(() => client.disconnect())
      await client.connect({
        delay: 10,
        maxDelay: 10,
        auth: { headers: { "x-user": user, "x-scope": scope.join(",") } }
      })
      return client
    }
  }
}
