/** `examples/cores.ts`, as a person runs it: processes behind one port, one of which dies. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import { until } from "../cluster/Cluster.js"
import { sources } from "../harness/Sources.js"
import { freePort, RedisServer } from "../redis/RedisServer.js"

const start = async (processes: number) => {
  const redis = await RedisServer.start()
  onTestFinished(() => redis.stop())
  const port = await freePort()
  const child = spawn(process.execPath, [...sources, "examples/cores.ts"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, PORT: String(port), PROCESSES: String(processes), REDIS_URL: redis.url },
    // Ctrl-C reaches a group.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"]
  })
  const signal = (name: NodeJS.Signals): void => void process.kill(-(child.pid ?? NaN), name)
  const exited = once(child, "exit")
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      signal("SIGKILL")
      await exited
    }
  })
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text
  })
  const pids = (): ReadonlyArray<number> =>
    [...output.matchAll(/^process (\d+) serves/gm)].map(([, pid]) => Number(pid))
  await until(() => pids().length === processes)
  return { url: `http://localhost:${port}`, pids, signal, exited }
}

it(
  "two processes share a port; one that dies is replaced, and nobody misses anything",
  { timeout: 120_000 },
  async () => {
    const { exited, pids, signal, url } = await start(2)
    const clients = await Promise.all(Array.from({ length: 8 }, async () => {
      const client = new Client(url)
      onTestFinished(() => client.disconnect())
      client.onError = null
      await client.connect({ delay: 50 })
      const heard: Array<unknown> = []
      await client.subscribe("/item/5", (message) => void heard.push(message))
      return { client, heard }
    }))
    const post = async (n: number): Promise<unknown> => {
      const response = await fetch(`${url}/item/5`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(n)
      })
      return response.json()
    }
    expect(await post(1)).toEqual({ subscribers: 8, processes: 2 })
    const gone = clients.map(({ client }) =>
      new Promise<void>((resolve) => {
        client.onDisconnect = () => resolve()
      })
    )
    process.kill(pids()[0] ?? NaN, "SIGKILL")
    await Promise.race(gone)
    await until(() => post(2).then(() => true, () => false))
    await until(() => clients.every(({ heard }) => heard.length === 2))
    expect(clients.map(({ heard }) => heard)).toEqual(clients.map(() => [1, 2]))
    await until(() => pids().length === 3)
    signal("SIGINT")
    expect(await exited).toEqual([0, null])
    for (const pid of pids()) {
      expect(() => process.kill(pid, 0)).toThrow("ESRCH")
    }
  }
)
