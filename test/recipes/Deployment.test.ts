/** The recipes of deployment: the node runs and stops as each of them has it, and Redis is configured as its recipe says. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { beforeAll, expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import { sources } from "../harness/Sources.js"
import { freePort, install } from "../redis/RedisServer.js"
import { read, root } from "../structure/Repository.js"

const folder = "examples/recipes/deployment"
const recipe = (name: string): string => read(`${folder}/${name}`)

beforeAll(() => install(), 120_000)

/** Redis with the recipe's configuration, on a port of its own. */
const startRedis = async (): Promise<string> => {
  const port = await freePort()
  const child = spawn("redis-server", [join(root, folder, "redis.conf"), "--port", String(port)], { stdio: "pipe" })
  onTestFinished(async () => {
    child.kill()
    await once(child, "exit")
  })
  let output = ""
  child.stdout.setEncoding("utf8")
  while (!/Ready to accept connections/.test(output)) {
    output += String(await once(child.stdout, "data"))
  }
  return `redis://nes:secret@127.0.0.1:${port}`
}

const startNode = async (redis: string, env: Readonly<Record<string, string>>) => {
  // Its folder has a package.json of its own, from which this package cannot be found by its name.
  const args = [...sources, "--input-type=module", "--eval", recipe("server.mjs")]
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env, HOST: "127.0.0.1", PORT: "0", REDIS_URL: redis },
    stdio: ["ignore", "pipe", "inherit"]
  })
  onTestFinished(() => void child.kill("SIGKILL"))
  const [text] = await once(child.stdout, "data") as [Buffer]
  return { child, url: /http:\S+/.exec(String(text))?.[0] ?? "" }
}

/** On a connection of its own: one that was kept may be closed by the server as it is asked over it. */
const asked = (url: string, body?: object): Promise<Response> =>
  fetch(url, {
    headers: { connection: "close", "content-type": "application/json" },
    ...(body && { method: "POST", body: JSON.stringify(body) })
  })

const status = async (url: string): Promise<number> => (await asked(url)).status

it(
  "nodes find each other, tell how they are, and lose nothing when one of them is stopped",
  { timeout: 60_000 },
  async () => {
    const redis = await startRedis()
    const [a, b] = await Promise.all([
      startNode(redis, { DRAIN_SECONDS: "1" }),
      startNode(redis, { DRAIN_SECONDS: "1" })
    ])
    for (const { url } of [a, b]) {
      expect([await status(`${url}/live`), await status(`${url}/ready`)]).toEqual([204, 204])
    }
    const client = new Client(b.url)
    const heard: Array<unknown> = []
    let wake = (): void => {}
    await client.connect()
    await client.subscribe("/item/5", (update) => {
      heard.push(update)
      wake()
    })
    const until = async (count: number): Promise<void> => {
      while (heard.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    await client.request({ method: "POST", path: "/item/5", payload: { from: "b" } })
    await asked(`${a.url}/item/5`, { from: "a" })
    await until(2)
    expect(heard).toEqual([{ from: "b" }, { from: "a" }])
    expect(await (await asked(`${b.url}/metrics`)).text()).toMatch(/^nes_server_connections 1$/m)

    const left = new Promise<number | undefined>((resolve) => {
      client.onDisconnect = (_, { code }) => resolve(code)
    })
    const exited = once(b.child, "exit")
    b.child.kill("SIGTERM")
    expect(await left).toBe(1012)
    await client.disconnect()
    expect(await exited).toEqual([0, null])
    expect(await status(`${a.url}/ready`)).toBe(204)
  }
)

it("each recipe leaves the node the time that it takes to stop, and starts node itself", () => {
  const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1])
  const unit = recipe("effect-nes.service")
  const stopping = (text: string, separator: string): number =>
    number(text, new RegExp(`DRAIN_SECONDS${separator}(\\d+)`)) +
    number(text, new RegExp(`STOP_SECONDS${separator}(\\d+)`))
  expect(number(unit, /TimeoutStopSec=(\d+)/)).toBeGreaterThan(stopping(unit, "="))
  expect(unit).toMatch(/^ExecStart=\/usr\/bin\/node server\.mjs$/m)

  const kubernetes = recipe("kubernetes.yaml")
  const preStop = number(kubernetes, /command: \["sleep", "(\d+)"\]/)
  expect(number(kubernetes, /terminationGracePeriodSeconds: (\d+)/))
    .toBeGreaterThan(preStop + stopping(kubernetes, "\\s+value: \""))
  const server = recipe("server.mjs")
  const paths = [...kubernetes.matchAll(/path: (\S+)/g)].map(([, path]) => path ?? "")
  expect(paths).toEqual(["/ready", "/live"])
  expect(paths.filter((path) => !server.includes(`path: "${path}"`))).toEqual([])
  const names = [...kubernetes.matchAll(/- name: ([A-Z_]+)/g)].map(([, name]) => name ?? "")
  expect(names).toHaveLength(4)
  expect(names.filter((name) => !server.includes(name))).toEqual([])
  expect(read("docs/telemetry.md")).toContain("`nes_server_connections` ")
  expect(kubernetes).toContain("name: nes_server_connections\n")

  expect(recipe("Dockerfile")).toMatch(/^USER node$[^]*^CMD \["node", "server\.mjs"\]$/m)
})

it("Redis may do what the security page says, and throws nothing out", () => {
  const acl = /^ACL SETUSER (.*)$/m.exec(read("docs/security.md"))?.[1]
  expect(recipe("redis.conf")).toContain(`\nuser ${acl}\n`)
  expect(recipe("redis.conf")).toMatch(/^maxmemory-policy noeviction$/m)
})
