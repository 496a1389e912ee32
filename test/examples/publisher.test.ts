/** `examples/publisher.ts`, as a worker runs it: a client of another process hears what it says. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it, onTestFinished } from "vitest"
import { sources } from "../harness/Sources.js"
import { hear, startNode, until } from "../redis/Cluster.js"
import { RedisServer } from "../redis/RedisServer.js"

const run = (url: string, ...args: ReadonlyArray<string>) =>
  promisify(execFile)(
    process.execPath,
    [...sources, "examples/publisher.ts", ...args],
    {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: { ...process.env, REDIS_URL: url },
      timeout: 60_000
    }
  )

it("a worker publishes, says to how many, and ends; what it published is kept", { timeout: 120_000 }, async () => {
  const redis = await RedisServer.start()
  onTestFinished(() => redis.stop())
  const node = await startNode(redis, { declare: (server) => server.subscription("/item/{id}", { recovery: true }) })
  const client = await node.connect()
  const heard = await hear(client, "/item/5")
  expect((await run(redis.url)).stdout).toBe("published to 1 subscribers on 1 nodes\n")
  expect((await run(redis.url, "6", "packed")).stdout).toBe("published to 0 subscribers on 0 nodes\n")
  await until(() => heard.length === 1)
  expect(heard).toEqual([{ status: "shipped" }])
  expect(redis.run("llen", "nes:path:{/item/6}")).toBe("1")
})
