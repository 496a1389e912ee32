/** `npm start`, as a person runs it: it goes through its account, keeps serving, and ends on Ctrl-C. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { Client } from "../../src/client.js"
import { isLong } from "../harness/Long.js"
import { root } from "../structure/Repository.js"
import { stranger, Terminal } from "./Terminal.js"

const timeout = 60_000

it("tells its account, serves on, and ends with status 0 on Ctrl-C", { timeout }, async () => {
  const terminal = new Terminal("start", { PORT: "0" })
  try {
    const [, url = ""] = await terminal.prints(/goes on serving at (\S+?)\. /)
    const [, address = ""] = await terminal.prints(/Open (\S+) in a browser/)
    for (const client of ["plain client", "effect client"]) {
      for (const status of ["packed", "shipped", "delivered", "returned", "refunded", "closed"]) {
        expect(terminal.output).toMatch(new RegExp(`${client} +/item/5 .*${status}`))
      }
    }
    expect(terminal.output).toMatch(/plain client +broadcast/)
    expect(terminal.output).toMatch(/effect client +event Reconnecting/)

    const [command] = await terminal.prints(/^node -e .*$/m)
    const { stdout } = await promisify(execFile)("sh", ["-c", command], { cwd: root, env: process.env })
    expect(stdout).toContain("{ hello: 'world' }")

    const client = new Client(url)
    await client.connect()
    expect((await client.request("hello")).payload).toEqual({ hello: "world" })
    const heard: Array<unknown> = []
    client.onUpdate = (message) => heard.push(message)
    for (const payload of [undefined, null, "", {}, { text: "" }, { text: " \n" }, { text: 5 }]) {
      await expect(client.request({ method: "POST", path: "/broadcast", payload }), JSON.stringify(payload)).rejects
        .toMatchObject({ statusCode: 400 })
    }
    await client.request({ method: "POST", path: "/broadcast", payload: { text: " hello " } })
    expect(heard).toEqual([{ text: "hello" }])
    await client.disconnect()

    const page = await fetch(address)
    expect(page.headers.get("content-type")).toMatch(/^text\/html/)
    const html = await page.text()
    expect(html).toContain("Cut the connection")
    const files = [...html.matchAll(/(?:href|src)="(page\/[^"]+)"/g)].map(([, file]) => file ?? "")
    expect(files.length).toBeGreaterThan(2)
    for (const file of [...files, "page/client.js"]) {
      expect([file, (await fetch(new URL(file, address))).status]).toEqual([file, 200])
    }
    for (const nothing of ["page/none.js", "page/..%2Fstart.ts", "page/index.htm"]) {
      expect([nothing, (await fetch(new URL(nothing, address))).status]).toEqual([nothing, 404])
    }
    const documentation = await fetch(new URL("docs", address))
    expect([documentation.url, await documentation.text()]).toEqual([
      new URL("docs/index.html", address).href,
      expect.stringContaining("<title>effect-nes · effect-nes</title>")
    ])
    for (const nothing of ["docs/none.html", "docs/..%2f..%2fpackage.json", "docs/api"]) {
      expect([nothing, (await fetch(new URL(nothing, address))).status]).toEqual([nothing, 404])
    }
    expect((await fetch(new URL("cut", address), { method: "POST" })).status).toBe(400)

    await terminal.ctrlC()
    expect(await terminal.exited).toBe(0)
    expect(terminal.output).toMatch(/stops: closing connections\n[^]*disconnected: .*, reconnects: false\n$/)
  } finally {
    terminal.close()
  }
})

it("ends with status 0 on a Ctrl-C in the middle of its account", { timeout }, async () => {
  for (const moment of isLong ? [/listens on/, /cuts every connection/] : [/cuts every connection/]) {
    const terminal = new Terminal("start", { PORT: "0" }, "node")
    try {
      await terminal.prints(moment)
      await terminal.ctrlC()
      expect([moment, await terminal.exited, terminal.output.includes("Open")]).toEqual([moment, 0, false])
    } finally {
      terminal.close()
    }
  }
})

it(
  "says which port another program has, whatever address that listens at, and what is no port",
  { timeout },
  async () => {
    await Promise.all(["127.0.0.1", "::1"].map(async (host) => {
      const { port, server } = await stranger(host)
      const terminal = new Terminal("start", { PORT: String(port) }, "node")
      expect([host, await terminal.exited]).toEqual([host, 1])
      expect(terminal.output.trim()).toBe(
        `Port ${port} is taken by another program. Choose another one: PORT=${port + 100} npm start`
      )
      server.close()
    }))
    await Promise.all((isLong ? ["eighty", "70000"] : ["70000"]).map(async (PORT) => {
      const terminal = new Terminal("start", { PORT }, "node")
      expect([PORT, await terminal.exited]).toEqual([PORT, 1])
      expect(terminal.output).toContain(`PORT is "${PORT}": it must be the number of a port.`)
    }))
  }
)
