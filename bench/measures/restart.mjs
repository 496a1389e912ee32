/** Everybody comes back at once, with tokens, while one client that is connected goes on asking. */
import { durations, whileAsking } from "./Asker.mjs"
import { quantiles } from "./Quantiles.mjs"
import { withServer } from "./Server.mjs"

const restart = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, port, server }) => {
    const { connections } = scenario
    const auth = await server.call("token")
    return whileAsking({ ...scenario, auth, peer, port }, async () => {
      const began = performance.now()
      await load.call("connect", { auth, count: connections, concurrency: connections })
      return performance.now() - began
    })
  })

/** A restart is over in a second, and each is different. */
export const measure = async (context, scenario, peer) => {
  const times = []
  const answers = []
  for (let i = 0; i < scenario.restarts; i++) {
    const { asked, done } = await restart(context, scenario, peer)
    times.push(done)
    answers.push(...durations(asked))
  }
  return { all: times.toSorted((a, b) => a - b)[times.length >> 1], ...quantiles("request", answers) }
}
