/** A server that is started, used and stopped, twice. It reports what is still running, and ends if nothing is. */
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { connect } from "node:net"
import * as Nes from "../../src/hapi.js"
import { upgrade } from "./MutePeer.js"

const server = Hapi.server({ port: 0, host: "127.0.0.1" })
await server.register({ plugin: Nes.plugin, options: { heartbeat: { interval: 200, timeout: 100 } } })
server.subscription("/item/{id}")
server.route({ method: "GET", path: "/never", handler: () => new Promise<string>(() => {}) })

// Output.
const foreign = new Set(["PipeWrap", "TTYWrap", "FSReqCallback"])

const sockets = (): ReadonlyArray<string> => process.getActiveResourcesInfo().filter((name) => !foreign.has(name))

for (const unresponsive of [false, true]) {
  await server.start()
  const client = new Nes.Client(server.info.uri.replace("http", "ws"))
  await client.connect({ reconnect: false })
  await client.subscribe("/item/5", () => {})
  client.request("/never").catch(() => {})
  const mute = unresponsive ? connect(server.info.port as number, "127.0.0.1") : undefined
  if (mute) {
    await upgrade(mute)
  }
  const closed = mute && once(mute.resume(), "close")
  await server.stop({ timeout: 100 })
  await closed
  // Node lets go of what has been closed a few turns later.
  for (let turn = 0; turn < 20 && sockets().length > 0; turn++) {
    await new Promise(setImmediate)
  }
  console.log(JSON.stringify(sockets()))
}
