/** The recipes of nginx and HAProxy with TLS, in front of a real server: of those that are installed. */
import Hapi from "@hapi/hapi"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect as tcp } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { cert, key } from "../hapi/Certificate.js"
import { unhindered } from "../harness/Pace.js"
import { freePort } from "../redis/RedisServer.js"
import { read } from "../structure/Repository.js"

const proxies = {
  nginx: { file: "nginx.conf", args: ["-e", "stderr", "-p", ".", "-c", "proxy.conf"] },
  haproxy: { file: "haproxy.cfg", args: ["-f", "proxy.conf"] }
} as const

const isInstalled = (program: string): boolean => spawnSync(program, ["-v"]).error === undefined

const opens = async (port: number): Promise<void> => {
  for (;;) {
    const socket = tcp(port, "127.0.0.1")
    const opened = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false)
    ])
      .catch(() => false)
    socket.destroy()
    if (opened) {
      return
    }
    await sleep(20)
  }
}

/** Starts a proxy by its recipe, in which only the ports are others. */
const front = async (program: keyof typeof proxies, to: number): Promise<number> => {
  const { args, file } = proxies[program]
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), "effect-nes-proxy-"))
  const recipe = read(`examples/recipes/proxies/${file}`)
  expect(recipe).toContain("127.0.0.1:8443")
  expect(recipe).toContain("127.0.0.1:8000")
  writeFileSync(
    join(folder, "proxy.conf"),
    recipe.replace("127.0.0.1:8443", `127.0.0.1:${port}`).replace("127.0.0.1:8000", `127.0.0.1:${to}`)
  )
  writeFileSync(join(folder, "certificate.pem"), cert)
  writeFileSync(join(folder, "key.pem"), key)
  writeFileSync(join(folder, "certificate-and-key.pem"), `${cert}\n${key}`)
  const child = spawn(program, args, { cwd: folder, stdio: "ignore" })
  onTestFinished(async () => {
    child.kill()
    await once(child, "exit")
    rmSync(folder, { recursive: true, force: true })
  })
  await opens(port)
  return port
}

const programs = ["nginx", "haproxy"] as const

it("each recipe has TLS, passes on the client's address, and waits longer than the heartbeat's interval", () => {
  const nginx = read(`examples/recipes/proxies/${proxies.nginx.file}`)
  expect(nginx).toMatch(/listen \S+ ssl;[^]*X-Forwarded-For[^]*Upgrade \$http_upgrade[^]*proxy_read_timeout 60s/)
  const haproxy = read(`examples/recipes/proxies/${proxies.haproxy.file}`)
  expect(haproxy).toMatch(/option forwardfor[^]*timeout tunnel 60s[^]*bind \S+ ssl /)
})

// `npm run recipes` wants both.
describe.each(programs.filter((program) => process.env.RECIPES === "all" || isInstalled(program)))(
  "%s with TLS",
  (program) => {
    // Whoever is held up gives no sign of life in time.
    const heartbeat = { interval: 500, timeout: 200 }

    it("passes on what is said by both sides, the client's address, and silence between heartbeats", () =>
      unhindered(heartbeat.timeout / 2, async () => {
        const server = Hapi.server({ port: 0, host: "127.0.0.1" })
        onTestFinished(() => server.stop({ timeout: 100 }))
        await server.register({ plugin: Nes.plugin, options: { heartbeat } })
        server.route({
          method: "GET",
          path: "/from",
          handler: ({ headers, info, socket }) => ({
            from: socket?.info["x-forwarded-for"] ?? headers["x-forwarded-for"],
            host: info.host
          })
        })
        server.subscription("/item/{id}")
        await server.start()
        const port = await front(program, Number(server.info.port))
        const client = new Client(`wss://localhost:${port}`, { ws: { ca: cert } })
        const heard: Array<unknown> = []
        client.onError = (error) => heard.push(error.message)
        client.onDisconnect = () => heard.push("disconnected")
        await client.connect({ reconnect: false })
        onTestFinished(() => client.disconnect())
        const expected = { from: "127.0.0.1", host: `localhost:${port}` }
        expect((await client.request("/from")).payload).toEqual(expected)
        const update = new Promise((resolve) => void client.subscribe("/item/5", resolve))
        await client.request("/from")
        await server.publish("/item/5", { text: "ü😀".repeat(50_000) })
        expect(await update).toEqual({ text: "ü😀".repeat(50_000) })
        const beats = server.plugins.nes.node.totals.sentPing
        while (server.plugins.nes.node.totals.sentPing < beats + 3 && client.isConnected) {
          await sleep(50)
        }
        expect(heard).toEqual([])
        expect((await client.request("/from")).payload).toEqual(expected)
      }))
  }
)
