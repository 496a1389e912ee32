/**
 * `npm run cluster`: two nodes on one Redis, a client on each, a node that dies and comes back, and what its client missed.
 * It starts a `redis-server` of its own, or uses the one at `REDIS_URL`. Ctrl-C ends it.
 */
import { Client } from "effect-nes/client"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const first = Number(process.env.PORT ?? 8001)
const ports = [first, first + 1] as const
const say = (text: string): void => console.log(`cluster          ${text}`)

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL")
  }
})
const interrupted = once(process, "SIGINT")

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "localhost", () => {
      socket.destroy()
      resolve(true)
    })
    socket.on("error", () => resolve(false))
  })

const start = async (port: number, command: string, args: ReadonlyArray<string>, env = {}): Promise<ChildProcess> => {
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } })
  child.once("error", (error) => {
    say(`cannot start ${command} (${error.message}): install it, or set REDIS_URL`)
    process.exit(1)
  })
  running.add(child)
  while (!await accepts(port)) {
    await setTimeout(20)
  }
  return child
}

const startRedis = async (): Promise<string> => {
  const port = first + 2
  await start(port, "redis-server", ["--port", String(port), "--save", "", "--loglevel", "warning"])
  return `redis://localhost:${port}`
}

const url = process.env.REDIS_URL ?? await startRedis()
say(`Redis is at ${url}`)
const program = fileURLToPath(new URL("node.ts", import.meta.url))
const startNode = (port: number): Promise<ChildProcess> =>
  start(port, process.execPath, [...process.execArgv, program], { PORT: String(port), REDIS_URL: url })
const [, second] = await Promise.all([startNode(ports[0]), startNode(ports[1])])

const clients = await Promise.all(ports.map(async (port) => {
  const client = new Client(`ws://localhost:${port}`)
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
second.kill("SIGKILL")
running.delete(second)
await once(second, "exit")
await publish("delivered")
await publish("returned")
say(`starts node ${ports[1]} again`)
await startNode(ports[1])
await back
await setTimeout(100)

say("goes on serving. Ctrl-C ends it. Publish from another terminal:")
say(`  curl -d status=refunded http://localhost:${ports[0]}/item/5`)
await interrupted
console.log()
await Promise.all(clients.map((client) => client.disconnect()))
process.exit(0)
