/** What the page shows of presence, history and state: a lobby, its last words, and its topic. */
import * as Boom from "@hapi/boom"
import type { Request, Server } from "@hapi/hapi"

const textOf = ({ payload }: Request): string => {
  const { text } = (payload ?? {}) as { readonly text?: unknown }
  if (typeof text !== "string" || text.trim() === "") {
    throw Boom.badRequest("Say something: `text` is blank")
  }
  return text.trim().slice(0, 120)
}

/** Gives a server the lobby. */
export const addLobby = (server: Server): void => {
  // Who is there is told at `/lobby/presence`; whoever comes gets the last words first.
  server.subscription("/lobby", { recovery: { size: 20 }, presence: { grace: 3_000 } })
  // Whoever comes gets the last one first.
  server.subscription("/topic", { state: true })
  server.route(
    ["/lobby", "/topic"].map((path) => ({
      method: "POST",
      path,
      handler: async (request: Request) => {
        const text = textOf(request)
        await server.publish(path, { text })
        return { text }
      }
    }))
  )
  server.ext("onPostStart", () => server.publish("/topic", { text: "Anything at all" }))
}
