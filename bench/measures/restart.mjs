/** Everybody comes back at once, with tokens, while one client that is connected goes on asking. */
import { quantiles } from "./Quantiles.mjs"
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, port, server }) => {
    const { connections, every, path, result } = scenario
    const auth = await server.call("token")
    await load.call("asker", { auth, path, port, result })
    const asking = load.call("askEvery", { every, within: 30_000 })
    const began = performance.now()
    await load.call("connect", { auth, count: connections, concurrency: connections })
    const all = performance.now() - began
    await load.call("endAsking")
    return { all, ...quantiles("request", await asking) }
  })
