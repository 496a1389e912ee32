/** `npm run cluster`, as a person runs it: what a client missed while its node was dead comes when it is back. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { beforeAll, expect, it } from "vitest"
import { isLong } from "../harness/Long.js"
import { freePort, install } from "../redis/RedisServer.js"
import { stranger, Terminal } from "./Terminal.js"

beforeAll(() => install(), 120_000)

const timeout = 60_000

/** A port such that this and the two after it are free for a while: not one of those that systems give away. */
const first = 20_000 + 4 * (process.pid % 2_500)

it("two nodes on one Redis: nothing is missed, and it ends with status 0 on Ctrl-C", { timeout }, async () => {
  const terminal = new Terminal("cluster", { PORT: String(first), REDIS_URL: undefined }, "node")
  try {
    const [command] = await terminal.prints(/^curl .*$/m)
    const clients = [...new Set(terminal.output.match(/client of \d+/g))]
    expect(clients.length).toBe(2)
    const heard = (client: string) =>
      [...terminal.output.matchAll(new RegExp(`${client} +/item/5 .*"status":"(\\w+)"`, "g"))].map(([, s]) => s)
    for (const client of clients) {
      expect([client, heard(client)]).toEqual([client, ["packed", "shipped", "delivered", "returned"]])
    }
    expect(terminal.output).toContain("\"subscribers\":2")

    await promisify(execFile)("sh", ["-c", command])
    for (const client of clients) {
      await terminal.prints(new RegExp(`${client} +/item/5 .*refunded`))
    }

    await terminal.ctrlC()
    expect(await terminal.exited).toBe(0)
    expect(terminal.output).not.toMatch(/^node .*Redis: (?!Up)/m)
    for (const port of [first, first + 1, first + 2]) {
      await expect(fetch(`http://localhost:${port}`)).rejects.toThrow("fetch failed")
    }
  } finally {
    terminal.close()
  }
})

it("ends with status 0 on a Ctrl-C in the middle of its account", { timeout }, async () => {
  const terminal = new Terminal("cluster", { PORT: String(first), REDIS_URL: undefined })
  try {
    await terminal.prints(/Redis is at/)
    await terminal.ctrlC()
    expect([await terminal.exited, terminal.output.includes("curl")]).toEqual([0, false])
  } finally {
    terminal.close()
  }
})

it("ends, and says why, where another program listens or there is no Redis", { timeout }, async () => {
  for (const taken of isLong ? [0, 2] : [2]) {
    const { port, server } = await stranger("127.0.0.1", first + taken)
    const terminal = new Terminal("cluster", { PORT: String(first), REDIS_URL: undefined }, "node")
    expect([taken, await terminal.exited]).toEqual([taken, 1])
    expect(terminal.output.trim()).toBe(
      `Port ${port} is taken by another program. Choose another one: PORT=${port + 100} npm run cluster`
    )
    server.close()
  }
  const { port, server } = await stranger("127.0.0.1")
  for (const redis of isLong ? [port, await freePort()] : [port]) {
    const terminal = new Terminal("cluster", { PORT: String(first), REDIS_URL: `redis://127.0.0.1:${redis}` }, "node")
    expect(await terminal.exited).toBe(1)
    expect(terminal.output).toMatch(/^There is no Redis at REDIS_URL: /m)
  }
  server.close()
})
