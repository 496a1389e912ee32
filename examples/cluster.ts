/**
 * `npm run cluster`: two nodes on one Redis, a client on each, a node that dies and comes back, and what its client missed.
 * It starts a `redis-server` of its own, or uses the one at `REDIS_URL`. Ctrl-C ends it.
 */
import { Client } from "effect-nes/client"
import type { ChildProcess } from "node:child_process"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { ownRedis, redisUrl, start, stop, stopAll } from "./programs.js"
import { choosePort, interrupted } from "./terminal.js"

const first = await choosePort("npm run cluster", 8001, ownRedis ? 3 : 2)
const ports = [first, first + 1] as const
const say = (text: string): void => console.log(`cluster          ${text}`)

const url = await redisUrl(first + 2)
say(`Redis is at ${url}`)
const program = fileURLToPath(new URL("node.ts", import.meta.url))
const startNode = (port: number): Promise<ChildProcess> =>
  start(port, process.execPath, [...process.execArgv, program], { PORT: String(port), REDIS_URL: url })

const joined = new Set<Client>()
const show = async (): Promise<void> => {
  const [, second] = await Promise.all([startNode(ports[0]), startNode(ports[1])])

  const clients = await Promise.all(ports.map(async (port) => {
    const client = new Client(`ws://localhost:${port}`)
    joined.add(client)
    client.onError = null
    client.onGap = (path) => console.log(`client of ${port}   updates of ${path} are lost`)
    await client.connect({ delay: 200 })
    await client.subscribe("/item/5", (update) => console.log(`client of ${port}   /item/5 ${JSON.stringify(update)}`))
    return client
  }))
  const [near, far] = clients as [Client, Client]

  const publish = async (status: string): Promise<void> => {
    const { payload } = await near.request({ method: "POST", path: "/item/5", payload: { status } })
    say(`published "${status}": ${JSON.stringify(payload)}`)
  }

  await publish("packed")
  await publish("shipped")
  await setTimeout(100)

  say(`kills node ${ports[1]} and publishes meanwhile`)
  const back = new Promise<void>((resolve) => {
    far.onConnect = resolve
  })
  await stop(second, "SIGKILL")
  await publish("delivered")
  await publish("returned")
  say(`starts node ${ports[1]} again`)
  await startNode(ports[1])
  await back
  await setTimeout(100)

  say("goes on serving. Ctrl-C ends it. Publish from another terminal:")
  console.log(`curl -d status=refunded http://localhost:${ports[0]}/item/5`)
}

await Promise.race([show(), interrupted])
await interrupted
console.log()
say("stops: clients, then nodes, then Redis")
await Promise.all(Array.from(joined, (client) => client.disconnect()))
await stopAll()
process.exit(0)
