/** A fresh server process for one measurement, and the load pointed at it. */
import { start } from "../process/Child.mjs"

const main = new URL("../servers/main.mjs", import.meta.url)

/**
 * @template A
 * @param {{ load: import("../process/Child.mjs").Child }} context
 * @param {{ name: string, server: import("../servers/Plugin.mjs").ServerOptions }} scenario
 * @param {string} peer
 * @param {(processes: Record<"load" | "server", import("../process/Child.mjs").Child> & { port: number }) =>
 *   Promise<A>} use
 * @returns {Promise<A>}
 */
export const withServer = async ({ load }, scenario, peer, use) => {
  const server = await start(main, [peer])
  try {
    const ports = await server.call("start", { name: scenario.name, options: scenario.server })
    await load.call("target", { ...ports, ...scenario.load?.(peer), dialect: peer })
    return await use({ load, port: ports.port, server })
  } finally {
    await load.call("close").catch(() => undefined)
    await server.stop()
  }
}
