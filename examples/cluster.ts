/**
 * `npm run cluster`: two nodes on one Redis, a client on each, a node that dies and comes back, and what its client missed.
 * It starts a `redis-server` of its own, or uses the one at `REDIS_URL`. Ctrl-C ends it.
 */
import { createClient } from "@redis/client"
import { Client } from "effect-nes/client"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { choosePort, giveUp, interrupted, isTaken } from "./terminal.js"

const ownRedis = process.env.REDIS_URL === undefined
const first = await choosePort("npm run cluster", 8001, ownRedis ? 3 : 2)
const ports = [first, first + 1] as const
const say = (text: string): void => console.log(`cluster          ${text}`)

const running = new Set<ChildProcess>()
const stop = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  running.delete(child)
  child.kill(signal)
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, "exit")
  }
}
process.once("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL")
  }
})

/** Starts a program, and waits until it listens. Ctrl-C does not reach it: what ends first would take it from the rest. */
const start = async (port: number, command: string, args: ReadonlyArray<string>, env = {}): Promise<ChildProcess> => {
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env }
  })
  running.add(child)
  child.once("error", ({ message }) => giveUp(`Cannot start ${command} (${message}): install it, or set REDIS_URL`))
  child.once("exit", (status) => {
    if (running.has(child)) {
      giveUp(`${command} for port ${port} has ended by itself, with status ${status}`)
    }
  })
  while (!await isTaken(port)) {
    await setTimeout(20)
  }
  return child
}

const startRedis = async (): Promise<string> => {
  const port = first + 2
  await start(port, "redis-server", ["--port", String(port), "--save", "", "--loglevel", "warning"])
  return `redis://localhost:${port}`
}

/** Another program may listen where Redis is said to be, and never answer. */
const findRedis = async (url: string): Promise<string> => {
  const redis = createClient({ url, socket: { connectTimeout: 2_000, reconnectStrategy: false } })
  const late = setTimeout(3_000, "no answer", { ref: false }).then((reason) => Promise.reject(new Error(reason)))
  const answered = redis.on("error", () => {}).connect().then(() => redis.ping())
  await Promise.race([answered, late]).catch((error: Error) =>
    giveUp(`There is no Redis at REDIS_URL: ${error.message}`)
  )
  redis.destroy()
  return url
}

const url = await (process.env.REDIS_URL === undefined ? startRedis() : findRedis(process.env.REDIS_URL))
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
const nodes = Array.from(running).slice(ownRedis ? 1 : 0)
await Promise.all(nodes.map((node) => stop(node, "SIGTERM")))
await Promise.all(Array.from(running, (redis) => stop(redis, "SIGTERM")))
process.exit(0)
