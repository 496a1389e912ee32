/** A redis-server of the run's own, on a free port of the loopback, which writes nothing to disk. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { start, Unavailable } from "./Child.mjs"

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address()
  server.close()
  await once(server, "close")
  return port
}

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy()
      resolve(true)
    })
    socket.on("error", () => resolve(false))
  })

/**
 * `run` runs a command of redis-cli; `cpu` is what the server has spent so far (µs).
 *
 * @returns {Promise<{ url: string, run: (...args: string[]) => Promise<string>, cpu: () => Promise<number>,
 *   stop: () => Promise<void> }>}
 */
export const startRedis = async () => {
  const port = await freePort()
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
  const child = spawn("redis-server", settings, { cwd: tmpdir(), stdio: "ignore" })
  const kill = () => child.kill("SIGKILL")
  let failure
  child.on("error", (error) => (failure = error))
  process.once("exit", kill)
  while (!await accepts(port)) {
    if (failure) throw new Unavailable(`redis-server: ${failure.message}`)
    await sleep(20)
  }
  const run = async (...args) => (await promisify(execFile)("redis-cli", ["-p", String(port), ...args])).stdout
  return {
    run,
    cpu: async () => {
      const spent = [...(await run("info", "cpu")).matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)]
      return spent.reduce((sum, [, seconds]) => sum + 1e6 * Number(seconds), 0)
    },
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      process.off("exit", kill)
      const exited = once(child, "exit")
      kill()
      await exited
    }
  }
}

/** Does something with a Redis and the processes that it starts by `child`; none of them outlives it. */
export const withRedis = async (use) => {
  const redis = await startRedis()
  const children = []
  const child = async (...args) => {
    const started = await start(...args)
    children.push(started)
    return started
  }
  try {
    return await use(redis, child)
  } finally {
    for (const each of children) await each.stop()
    await redis.stop()
  }
}
