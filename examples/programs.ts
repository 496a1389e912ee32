/** The programs that an example starts beside itself: each is waited for, and stopped with it. */
import { createClient } from "@redis/client"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout } from "node:timers/promises"
import { giveUp, isTaken } from "./terminal.js"

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL")
  }
})

/** Stops a program, and waits for its end. */
export const stop = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  running.delete(child)
  child.kill(signal)
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, "exit")
  }
}

/** Stops all programs, those first that were started last. */
export const stopAll = async (): Promise<void> => {
  for (const child of Array.from(running).toReversed()) {
    await stop(child, "SIGTERM")
  }
}

/** Starts a program, and waits until it listens. Ctrl-C does not reach it: what ends first would take it from the rest. */
export const start = async (
  port: number,
  command: string,
  args: ReadonlyArray<string>,
  env = {}
): Promise<ChildProcess> => {
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env }
  })
  running.add(child)
  child.once("error", ({ message }) => giveUp(`Cannot start ${command} (${message}): install it, or set REDIS_URL`))
  child.once("exit", (status, signal) => {
    // One that a Ctrl-C finds before it is on its own ends with it, as all do.
    if (running.has(child) && signal !== "SIGINT") {
      giveUp(`${command} for port ${port} has ended by itself, with status ${status}`)
    }
  })
  while (!await isTaken(port)) {
    await setTimeout(20)
  }
  return child
}

const startRedis = async (port: number): Promise<string> => {
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

/** Whether an example starts a `redis-server` of its own: where `REDIS_URL` names none. */
export const ownRedis = process.env.REDIS_URL === undefined

/** Where Redis is: one of our own on `port`, or the one at `REDIS_URL`. */
export const redisUrl = (port: number): Promise<string> =>
  process.env.REDIS_URL === undefined ? startRedis(port) : findRedis(process.env.REDIS_URL)
