/** `npm start`, as a person runs it: it goes through its account, keeps serving, and ends on Ctrl-C. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { Client } from "../../src/client.js"

it("tells its account, serves on, and ends cleanly on Ctrl-C", async () => {
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=source", "examples/start.ts"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const exited = once(child, "exit")
  let output = ""
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`ended early:\n${output}`)))
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
      const serving = /goes on serving at (\S+?)\. /.exec(output)?.[1]
      if (serving && output.includes("in a browser")) {
        resolve(serving)
      }
    })
  })

  for (const client of ["plain client", "effect client"]) {
    for (const status of ["packed", "shipped", "delivered", "returned", "refunded", "closed"]) {
      expect(output).toMatch(new RegExp(`${client} +/item/5 .*${status}`))
    }
  }
  expect(output).toMatch(/plain client +broadcast/)
  expect(output).toMatch(/effect client +event Reconnecting/)

  const client = new Client(url)
  await client.connect()
  expect((await client.request("hello")).payload).toEqual({ hello: "world" })
  await client.disconnect()

  const address = /Open (\S+) in a browser/.exec(output)?.[1] ?? ""
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
  expect((await fetch(new URL("cut", address), { method: "POST" })).status).toBe(400)

  child.kill("SIGINT")
  expect(await exited).toEqual([0, null])
})
