/** What is waited for no longer than a time, where this process is held up meanwhile. */
import * as Context from "effect/Context"
import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import { expect, it, onTestFinished } from "vitest"
import * as Timer from "../../src/cluster/Timer.js"

it("what arrives while the process is held up counts, though the time is over by then", async () => {
  const server = createServer()
  const accepted = once(server.listen(0, "127.0.0.1"), "connection")
  await once(server, "listening")
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1")
  const [socket] = await accepted
  onTestFinished(() => {
    peer.destroy()
    server.close()
  })
  let heard = false
  const waiting = new Timer.Waiting(Timer.make(Context.empty()), 20)
  const ended = waiting.until(() => heard).then(() => heard)
  socket.once("data", () => {
    heard = true
    waiting.changed()
  })
  // Timers are due before anything is read.
  await new Promise(setImmediate)
  peer.write("answer")
  const end = performance.now() + 40
  while (performance.now() < end) {
    // The answer has come.
  }
  expect(await ended).toBe(true)
})
