/**
 * `node bench/paths.mjs [count]` (after `npm run build`): what many paths cost a node on Redis, with recovery and without:
 * memory a path, the processor at rest, what Redis is asked meanwhile, and how long catching up takes after the node's
 * connections were killed. The node, its one client and Redis are processes of their own.
 */
import { fork, spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const count = Number(process.argv[2] ?? 100_000)
const rest = 20_000
const port = 21_300

const server = async () => {
  const { default: Hapi } = await import("@hapi/hapi")
  const { plugin } = await import("effect-nes/hapi")
  const { redis } = await import("effect-nes/redis")
  const hapi = Hapi.server({ host: "127.0.0.1", port: 0 })
  await hapi.register({
    plugin,
    options: {
      limits: { maxSubscriptions: false, maxHelloSubs: false, maxMessagesPerSecond: false },
      broker: redis({ url: `redis://127.0.0.1:${port}` })
    }
  })
  hapi.subscription("/kept/{id}", { recovery: true })
  hapi.subscription("/plain/{id}")
  await hapi.start()
  process.on("message", async ({ id, name, path, message }) => {
    const answer = {
      port: () => hapi.info.port,
      heap: () => {
        gc()
        gc()
        return process.memoryUsage().heapUsed
      },
      cpu: () => process.cpuUsage(),
      publish: () => hapi.publish(path, message).then(() => true, () => false)
    }[name]
    process.send({ id, value: await answer() })
  })
  process.send({ ready: true })
}

const client = async () => {
  const { Client } = await import("effect-nes/client")
  let nes
  const heard = new Map()
  process.on("message", async ({ id, name, path, url }) => {
    const answer = {
      connect: async () => {
        nes = new Client(url)
        await nes.connect()
      },
      subscribe: async () => {
        for (let from = 0; from < count; from += 1_000) {
          const some = Array.from({ length: Math.min(1_000, count - from) }, (_, n) => `/${path}/${from + n}`)
          await Promise.all(some.map((each) => nes.subscribe(each, () => heard.set(each, performance.now()))))
        }
      },
      heard: () => [...heard.keys()],
      close: () => nes.disconnect()
    }[name]
    process.send({ id, value: await answer() })
  })
  process.send({ ready: true })
}

const child = async (role) => {
  const process = fork(fileURLToPath(import.meta.url), [String(count), role], { execArgv: ["--expose-gc"] })
  await once(process, "message")
  let ids = 0
  const call = (name, more = {}) =>
    new Promise((resolve) => {
      const id = ++ids
      const answered = (message) => {
        if (message.id === id) {
          process.off("message", answered)
          resolve(message.value)
        }
      }
      process.on("message", answered)
      process.send({ id, name, ...more })
    })
  return { process, call }
}

const cli = async (...args) => {
  const process = spawn("redis-cli", ["-p", String(port), ...args])
  let text = ""
  process.stdout.setEncoding("utf8").on("data", (data) => {
    text += data
  })
  await once(process, "close")
  return text
}

const writes = /cmdstat_(?:rpush|hset|lpop|ltrim|del|pexpire|zadd|set):calls=(\d+)/g

const measure = async (path) => {
  const [node, other, visitor] = [await child("server"), await child("server"), await child("client")]
  await visitor.call("connect", { url: `ws://127.0.0.1:${await node.call("port")}` })
  const before = await node.call("heap")
  await visitor.call("subscribe", { path })
  await sleep(2_000)
  const after = await node.call("heap")
  await cli("config", "resetstat")
  const from = await node.call("cpu")
  await sleep(rest)
  const to = await node.call("cpu")
  const stats = await cli("info", "commandstats")
  const written = [...stats.matchAll(writes)].reduce((sum, [, calls]) => sum + Number(calls), 0)
  const share = (to.user + to.system - from.user - from.system) / 1_000 / rest
  const figures = {
    paths: `${count} ${path}`,
    "B a path on the node": Math.round((after - before) / count),
    "% of a core at rest": Number((100 * share).toFixed(2)),
    "writes a second": written / (rest / 1_000)
  }
  if (path === "kept") {
    const probes = Array.from({ length: 100 }, (_, n) => `/kept/${Math.floor(n * count / 100)}`)
    await cli("client", "kill", "type", "pubsub")
    await cli("client", "kill", "type", "normal")
    const began = performance.now()
    for (const probe of probes) {
      while (!await other.call("publish", { path: probe, message: 1 })) {
        await sleep(10)
      }
    }
    while ((await visitor.call("heard")).length < probes.length) {
      await sleep(20)
    }
    figures["ms until 100 updates, published meanwhile, are there"] = Math.round(performance.now() - began)
  }
  for (const each of [visitor, node, other]) {
    each.process.kill("SIGKILL")
  }
  return figures
}

if (process.argv[3] === "server") {
  await server()
} else if (process.argv[3] === "client") {
  await client()
} else {
  const redis = spawn("redis-server", ["--port", String(port), "--save", ""], { stdio: "ignore" })
  const answers = () =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(socket.destroy()))
      socket.on("error", () => resolve(undefined))
    })
  while (!await answers()) {
    await sleep(50)
  }
  try {
    for (const path of ["plain", "kept"]) {
      console.log(await measure(path))
    }
  } finally {
    redis.kill()
  }
}
