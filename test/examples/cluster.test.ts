/** `npm run cluster`, as a person runs it: what a client missed while its node was dead comes when it is back. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { beforeAll, expect, it } from "vitest"
import { install, RedisServer } from "../redis/RedisServer.js"

beforeAll(() => install(), 120_000)

it("two nodes on one Redis: nothing is missed, and it ends cleanly on Ctrl-C", { timeout: 60_000 }, async () => {
  const redis = await RedisServer.start()
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=source", "examples/cluster.ts"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, PORT: String(20_000 + 2 * (process.pid % 5_000)), REDIS_URL: redis.url },
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    const exited = once(child, "exit")
    let output = ""
    await new Promise<void>((resolve, reject) => {
      child.once("exit", () => reject(new Error(`ended early:\n${output}`)))
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text
        if (output.includes("goes on serving")) {
          resolve()
        }
      })
    })
    const clients = [...new Set(output.match(/client of \d+/g))]
    expect(clients.length).toBe(2)
    for (const client of clients) {
      const heard = [...output.matchAll(new RegExp(`${client} +/item/5 .*"status":"(\\w+)"`, "g"))].map(([, s]) => s)
      expect([client, heard]).toEqual([client, ["packed", "shipped", "delivered", "returned"]])
    }
    expect(output).toContain("\"subscribers\":2")
    child.kill("SIGINT")
    expect(await exited).toEqual([0, null])
  } finally {
    child.kill("SIGKILL")
    await redis.stop()
  }
})
