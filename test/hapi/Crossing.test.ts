/** What a client and its server send at the same time, with hooks that take their time: in the end they agree. */
import { setTimeout as sleep } from "node:timers/promises"
import { expect, it } from "vitest"
import { Client } from "../../src/client.js"
import type { Socket } from "../../src/hapi.js"
import * as fc from "../harness/Property.js"
import { live } from "./LiveServer.js"

const paths = ["/a/1", "/kept/1"]
const path = fc.constantFrom(...paths)
const ms = fc.constantFrom(0, 0, 0, 1, 3)
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom("subscribe" as const, "unsubscribe" as const), path, ms }),
    fc.record({ do: fc.constantFrom("revoke" as const, "publish" as const), path, ms })
  ),
  { minLength: 20, maxLength: 60 }
)
/** How long hooks take, in turn, and whether they refuse. */
const hooks = fc.array(fc.record({ ms, refuses: fc.boolean() }), { minLength: 1, maxLength: 10 })

it("a client has in the end the subscriptions that the server has, whatever crossed", async () => {
  let turns: ReadonlyArray<{ readonly ms: number; readonly refuses: boolean }> = []
  let turn = 0
  const take = async () => {
    const { ms, refuses } = turns[turn++ % turns.length] ?? { ms: 0, refuses: false }
    await sleep(ms)
    return refuses
  }
  const options = {
    onSubscribe: async () => {
      if (await take()) {
        throw new Error("no")
      }
    },
    onUnsubscribe: async () => void await take()
  }
  const { server, url } = await live({
    declare: (server) => {
      server.subscription("/a/{id}", options)
      server.subscription("/kept/{id}", { ...options, recovery: true })
    }
  })
  const sockets = (subscription?: string): ReadonlyArray<Socket> => {
    const all: Array<Socket> = []
    void server.eachSocket((socket) => all.push(socket), subscription === undefined ? {} : { subscription })
    return all
  }
  await fc.assert(
    fc.asyncProperty(steps, hooks, async (steps, hooks) => {
      turns = hooks
      const client = new Client(url)
      await client.connect()
      const calls: Array<Promise<unknown>> = []
      for (const [n, step] of steps.entries()) {
        if (step.do === "publish") {
          void server.publish(step.path, n)
        } else if (step.do === "revoke") {
          calls.push(...sockets().map((socket) => socket.revoke(step.path, null)))
        } else {
          calls.push(step.do === "subscribe" ? client.subscribe(step.path, () => {}) : client.unsubscribe(step.path))
        }
        // Without a turn in between, more is under way at once.
        await (step.ms === 0 ? undefined : sleep(step.ms))
      }
      await Promise.allSettled(calls)
      await client.message(1).catch(() => {})
      const held = paths.filter((path) => sockets(path).length > 0)
      expect(client.subscriptions().toSorted()).toEqual(held)
      await client.disconnect()
      await expect.poll(() => sockets()).toEqual([])
    }),
    { numRuns: 20 }
  )
})
