/** A fresh client process for one measurement, whose clients are connected to the load's raw server. */
import { start } from "../process/Child.mjs"

const main = new URL("../clients/main.mjs", import.meta.url)

/**
 * @template A
 * @param {{ load: import("../process/Child.mjs").Child }} context
 * @param {{ name: string, clients: number }} scenario
 * @param {string} peer
 * @param {(processes: { load: Child, client: Child, control: number }) => Promise<A>} use
 * @returns {Promise<A>}
 */
export const withClient = async ({ load }, scenario, peer, use) => {
  const client = await start(main, [peer])
  try {
    const { control, port } = await load.call("feed")
    await client.call("connect", { count: scenario.clients, name: scenario.name, url: `ws://127.0.0.1:${port}` })
    return await use({ load, client, control })
  } finally {
    await client.stop()
    await load.call("close").catch(() => undefined)
  }
}
