/** Orders that are read and given again while the connection comes and goes. */
import { expect, it } from "vitest"
import * as ClusterCodec from "../../src/cluster/ClusterCodec.js"
import type { Batch, Kept, Session } from "../../src/cluster/Engine.js"
import type { Host } from "../../src/cluster/Host.js"
import { type Order, Orders } from "../../src/cluster/Orders.js"
import type { Node } from "../../src/server/Broker.js"

const revoke: Order = { type: "revoke", target: { user: "eve" }, path: "/a", message: null }
const disconnect: Order = { type: "disconnect", target: { user: "eve" } }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A node whose commands are answered when the test says so: each with how it ends. */
const stage = () => {
  const carried: Array<string> = []
  const read: Array<{ readonly answer: (page: Kept) => void; readonly fail: () => void }> = []
  const appended: Array<{ readonly order: string; readonly answer: () => void; readonly fail: () => void }> = []
  const session = {
    read: () => new Promise<Kept>((answer, reject) => read.push({ answer, fail: () => reject(new Error("Cut off")) })),
    append: ([{ payloads: [payload = ""] = [] } = {}]: ReadonlyArray<Partial<Batch>>) =>
      new Promise((resolve, reject) =>
        appended.push({
          order: ClusterCodec.decode(payload).said.type,
          answer: () => resolve([{ epoch: "e", offset: 1 }]),
          fail: () => reject(new Error("Cut off"))
        })
      ),
    publish: () => Promise.resolve(0)
  }
  const host: Pick<Host, "after" | "peers" | "session"> = {
    session: () => session as unknown as Session,
    peers: () => Promise.resolve([]),
    after: () => () => {}
  }
  const node: Pick<Node, "deliver" | "id" | "log"> = {
    id: "b",
    deliver: ({ type }) => {
      carried.push(type)
      return Promise.resolve()
    },
    log: () => {}
  }
  const orders = new Orders({ ...host, node } as Host)
  const entry = (offset: number, order: Order): string => `e:${offset}\n${ClusterCodec.encode("a", order)}`
  const page = (...kept: ReadonlyArray<Order>): Kept => ({
    epoch: "e",
    start: 0,
    top: kept.length,
    entries: kept.map((order, index) => entry(index + 1, order))
  })
  return { appended, carried, orders, page, read }
}

it("who joins again while orders are read has them read again", async () => {
  const { carried, orders, page, read } = stage()
  const first = orders.catchUp()
  await turn()
  read[0]?.answer(page())
  await first
  const second = orders.catchUp()
  // The connection on which orders are announced was lost meanwhile, and one of them with it.
  const third = orders.catchUp()
  await turn()
  read[1]?.answer(page(revoke))
  await turn()
  read[2]?.answer(page(revoke, disconnect))
  await Promise.all([second, third])
  expect(carried).toEqual(["revoke", "disconnect"])
  expect(orders.isBehind).toBe(false)
})

it("an order is carried out whenever it is announced, however little of the one before is left to do", async () => {
  for (let ticks = 0; ticks < 12; ticks++) {
    const { carried, orders, page, read } = stage()
    const first = orders.catchUp()
    await turn()
    read[0]?.answer(page())
    await first
    orders.heard("a", revoke, { epoch: "e", offset: 1 })
    for (let tick = 0; tick < ticks; tick++) {
      await Promise.resolve()
    }
    orders.heard("a", disconnect, { epoch: "e", offset: 2 })
    await turn()
    expect([ticks, carried]).toEqual([ticks, ["revoke", "disconnect"]])
  }
})

it("orders that could not be read are still to be read", async () => {
  const { orders, page, read } = stage()
  const first = orders.catchUp()
  await turn()
  read[0]?.fail()
  await expect(first).rejects.toThrow("Cut off")
  expect(orders.isBehind).toBe(true)
  const second = orders.catchUp()
  await turn()
  read[1]?.answer(page())
  await second
  expect(orders.isBehind).toBe(false)
})

it("an order that could not be given is not forgotten, whoever gives them again, and how often", async () => {
  const { appended, orders } = stage()
  for (const order of [revoke, disconnect]) {
    const given = orders.give(order)
    await turn()
    appended.at(-1)?.fail()
    await expect(given).rejects.toThrow("Cut off")
  }
  appended.length = 0
  const both = Promise.allSettled([orders.resend(), orders.resend()])
  await turn()
  for (const each of [...appended]) {
    each.answer()
    await turn()
  }
  appended.at(-1)?.fail()
  await both
  const again = orders.resend()
  await turn()
  expect(appended.at(-1)?.order).toBe("disconnect")
  appended.at(-1)?.answer()
  await again
  expect(appended.map(({ order }) => order)).toEqual(["revoke", "disconnect", "disconnect"])
})

it("an order that cannot be put into words is refused, and given no more", async () => {
  const { appended, orders } = stage()
  await expect(orders.give({ ...revoke, message: { count: 1n } })).rejects.toThrow("BigInt")
  await orders.resend()
  expect(appended).toEqual([])
})
