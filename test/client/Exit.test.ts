/** Processes end when their client is done with. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { describe, expect, it, onTestFinished } from "vitest"
import { RawServer } from "../harness/RawServer.js"
import { sources } from "../harness/Sources.js"
import { freePort } from "../redis/RedisServer.js"
import { root } from "../structure/Repository.js"

const program = fileURLToPath(new URL("exit.child.ts", import.meta.url))

describe.each(["Client", "NesClient"])("%s keeps no process alive that was", (who) => {
  it.each(["made", "disconnected", "refused", "disconnected while reconnecting"])("%s", async (how) => {
    const server = await RawServer.start()
    onTestFinished(() => server.stop())
    const connection = server.next()
    const child = spawn(
      process.execPath,
      [...sources, program, who, how, server.url, `ws://127.0.0.1:${await freePort()}`],
      { cwd: root, stdio: ["ignore", "pipe", "inherit"] }
    )
    onTestFinished(() => void child.kill("SIGKILL"))
    if (how === "disconnected") {
      void connection.then(async (socket) => {
        await socket.accept({ heartbeat: { interval: 60_000, timeout: 30_000 } })
        for (const type of ["sub", "message", "unsub"]) {
          void socket.answer(type)
        }
      })
    }
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>])
    // The Effect client has warned that it is not connected yet.
    expect([output.split("\n").at(-2), code]).toEqual(["end", 0])
  })
})
