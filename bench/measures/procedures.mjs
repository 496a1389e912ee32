/** Lets a client call procedures, always the same number in flight; what both processes spend. */
import { start } from "../process/Child.mjs"

const servers = new URL("../servers/main.mjs", import.meta.url)
const clients = new URL("../clients/main.mjs", import.meta.url)

export const measure = async (_, scenario, peer) => {
  const { inFlight, name, path, per, result, total, warmup } = scenario
  const server = await start(servers, [peer])
  const client = await start(clients, [peer])
  try {
    const { port } = await server.call("start", { name, options: {} })
    await client.call("connect", { count: 1, name, url: `ws://127.0.0.1:${port}` })
    await client.call("request", { inFlight, path, result, total: 1, warmup })
    await server.call("begin")
    const calling = await client.call("request", { inFlight, path, result, total, warmup: 0 })
    const answering = await server.call("end")
    return { cost: (calling + answering) / (total * per) }
  } finally {
    await client.stop()
    await server.stop()
  }
}
