/**
 * `npm run deploy -- [--clients 300]`: three nodes behind a real nginx are deployed anew, one after another, while clients
 * ask without end: how long each is without service, what fails, and how the connections are spread afterwards.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { Client } from "../../../src/client.js"
import { ChildProcess } from "../../harness/ChildProcess.js"
import { freePort, RedisServer } from "../RedisServer.js"

const { values } = parseArgs({ options: { clients: { type: "string", default: "300" } } })
const within = 3_000
const module = new URL("deploy.child.ts", import.meta.url)

const redis = await RedisServer.start()
const ports = [await freePort(), await freePort(), await freePort()]
const front = await freePort()
const directory = mkdtempSync(join(tmpdir(), "effect-nes-nginx-"))
const file = join(directory, "nginx.conf")
writeFileSync(
  file,
  `
daemon off; worker_processes 1; pid ${directory}/pid; error_log ${directory}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  upstream nodes { least_conn; ${ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(" ")} }
  server {
    listen 127.0.0.1:${front};
    location / {
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_next_upstream error timeout http_503;
      proxy_read_timeout 1h;
    }
  }
}
`
)

const start = (port: number | undefined): Promise<ChildProcess> => ChildProcess.start(module, [redis.url, String(port)])
const nodes: Array<ChildProcess> = []
for (const port of ports) {
  nodes.push(await start(port))
}
const nginx = spawn("nginx", ["-c", file, "-p", directory], { stdio: "inherit" })
await sleep(500)

const outages: Array<number> = []
const failures = new Map<string, number>()
let answered = 0
const state = { asking: true }
const clients = await Promise.all(Array.from({ length: Number(values.clients) }, async () => {
  const client = new Client(`ws://127.0.0.1:${front}`)
  client.onError = null
  let since: number | undefined
  client.onDisconnect = () => {
    since = performance.now()
  }
  client.onConnect = () => {
    if (since !== undefined) {
      outages.push(performance.now() - since)
    }
  }
  await client.connect({ delay: 100, jitter: true })
  return client
}))
const loops = clients.map(async (client) => {
  while (state.asking) {
    await sleep(200 * Math.random() + 50)
    if (client.id !== null) {
      await client.request("/work").then(
        () => answered++,
        ({ message }: Error) => void failures.set(message, (failures.get(message) ?? 0) + 1)
      )
    }
  }
})
const spread = async (): Promise<string> =>
  (await Promise.all(nodes.map((node) => node.call("connections")))).join(", ")

await sleep(2_000)
console.log(`before: ${await spread()}`)
for (const [index, port] of ports.entries()) {
  await nodes[index]?.call("drain", within)
  await nodes[index]?.stop()
  nodes[index] = await start(port)
  await sleep(2_000)
  console.log(`node ${index + 1} is new: ${await spread()}`)
}
for (let seconds = 10; seconds <= 30; seconds += 10) {
  await sleep(10_000)
  console.log(`${seconds} s later: ${await spread()}`)
}
state.asking = false
await Promise.all(loops)
const sorted = outages.toSorted((a, b) => a - b)
const at = (part: number): string => `${Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0)} ms`
console.log(
  `${outages.length} reconnections: without service ${at(0.5)} (median), ${at(0.99)} (p99), ${at(1)} (longest); ` +
    `${answered} requests answered, failed ${JSON.stringify(Object.fromEntries(failures))}`
)
await Promise.all(clients.map((client) => client.disconnect()))
await Promise.all(nodes.map((node) => node.kill()))
nginx.kill()
await redis.stop()
rmSync(directory, { recursive: true, force: true })
process.exit(0)
