/** `examples/effect-server.ts`, as a person runs it: HTTP and sockets on one port, and a graceful end on Ctrl-C. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { Client } from "../../src/client.js"
import { sources } from "../harness/Sources.js"

it("serves HTTP and sockets on one port, and ends cleanly on Ctrl-C", async () => {
  const child = spawn(process.execPath, [...sources, "examples/effect-server.ts"], {
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
      const port = /Listening on http:\/\/\S+?:(\d+)/.exec(output)?.[1]
      if (port) {
        resolve(`http://localhost:${port}`)
      }
    })
  })

  const basic = { authorization: `Basic ${Buffer.from("john:secret").toString("base64")}` }
  const get = async (path: string, headers: Record<string, string> = {}): Promise<unknown> =>
    (await fetch(`${url}${path}`, { headers })).json()
  expect(await get("/nes/auth")).toMatchObject({ statusCode: 401, message: "Unknown user or wrong password" })
  expect(await get("/item/5")).toMatchObject({ statusCode: 401 })
  expect(await get("/item/5", basic)).toEqual({ id: "5", status: "new" })
  const { token } = await get("/nes/auth", basic) as { readonly token: string }

  const client = new Client(url)
  const closed = new Promise((resolve) => {
    client.onDisconnect = (_willReconnect, log) => resolve(log.code)
  })
  await client.connect({ auth: token, reconnect: false })
  expect((await client.request("/item/5")).payload).toEqual({ id: "5", status: "new" })
  expect((await client.message("ping")).payload).toBe("pong")
  await expect(client.subscribe("/item/6", () => {})).rejects.toMatchObject({ message: "There is no item 6" })
  const update = new Promise((resolve) => {
    void client.subscribe("/item/5", resolve).then(() =>
      client.request({ method: "PUT", path: "/item/5", payload: { status: "complete" } })
    )
  })
  expect(await update).toEqual({ id: "5", status: "complete", by: "john" })

  child.kill("SIGINT")
  expect(await closed).toBe(1001)
  expect(await exited).toEqual([130, null])
  expect(output).toMatch(/john is here/)
  expect(output).toMatch(/john has left/)
})
