/** Everybody comes back at once, with tokens, while one client that is connected goes on asking. */
import { durations, whileAsking } from "./Asker.mjs"
import { quantiles } from "./Quantiles.mjs"
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, port, server }) => {
    const { connections } = scenario
    const auth = await server.call("token")
    const { asked, done } = await whileAsking({ ...scenario, auth, peer, port }, async () => {
      const began = performance.now()
      await load.call("connect", { auth, count: connections, concurrency: connections })
      return performance.now() - began
    })
    return { all: done, ...quantiles("request", durations(asked)) }
  })
