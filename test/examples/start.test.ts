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
      const serving = /goes on serving at (\S+)/.exec(output)?.[1]
      if (serving) {
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

  child.kill("SIGINT")
  expect(await exited).toEqual([0, null])
})
