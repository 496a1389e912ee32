import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { expect, it } from "vitest"
import { Inbox } from "../../src/client/Inbox.js"
import { Pending } from "../../src/client/Pending.js"
import { Subscriptions } from "../../src/client/Subscriptions.js"
import * as Codec from "../../src/protocol/Codec.js"
import type * as Message from "../../src/protocol/Message.js"
import * as fc from "../harness/Property.js"

const paths = ["/a", "/a/b", "/\"\\\u00e9", "/nobody"]

const clock = Effect.runSync(Clock.Clock)

const setup = () => {
  const subscriptions = new Subscriptions()
  const heard: Array<unknown> = []
  const listen = (path: string): void => {
    subscriptions.create(path, {}).listeners.set(path, {
      update: (message, flags) => heard.push([path, message, flags]),
      ended: () => heard.push([path, "ended"])
    })
  }
  const inbox = new Inbox(new Pending(clock, undefined), subscriptions, {
    update: (message) => heard.push(message),
    gap: (path) => heard.push([path, "gap"]),
    revoked: (path) => heard.push([path, "revoked"])
  }, {
    ping: () => heard.push("ping"),
    error: (error) => heard.push([error.type, error.message])
  })
  return { heard, inbox, listen, subscriptions }
}

// Every way to write an update, in the server's order and others, and what is none.
const text = fc.record({
  path: fc.constantFrom(...paths),
  message: fc.jsonValue(),
  write: fc.constantFrom<(path: string, message: unknown, order: number) => string>(
    (path, message) => JSON.stringify({ type: "pub", path, message }),
    (path, message) => JSON.stringify({ type: "pub", path, message }),
    (path, message) => JSON.stringify({ type: "pub", path, message, more: 1 }),
    (path, message) => JSON.stringify({ path, message, type: "pub" }),
    (path, message) => JSON.stringify({ type: "pub", path, message }, undefined, 1),
    (path, message) => `${JSON.stringify({ type: "pub", path, message }).slice(0, -1)},"path":"/a"}`,
    (path, message) => `${JSON.stringify({ type: "pub", path, message }).slice(0, -1)},"message":7}`,
    (path, message) => JSON.stringify({ type: "pub", path, message }).replaceAll("/", "\\/"),
    (path, message) => JSON.stringify({ type: "pub", path, message }).slice(0, -1),
    (path, message) => `${JSON.stringify({ type: "pub", path, message })}}`,
    (path) => JSON.stringify({ type: "pub", path }),
    (path, message, order) =>
      JSON.stringify({ type: "pub", path, message, position: { epoch: "e", offset: Math.floor(order / 2) } })
  )
})

it("updates are delivered one like the other, however they are written and whatever came before", () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 12 }), (updates) => {
      const all = setup()
      for (const path of paths.filter((path) => path !== "/nobody")) {
        all.listen(path)
      }
      const positions = new Map<string, number>()
      const expected = updates.flatMap(({ message, path, write }, order): ReadonlyArray<unknown> => {
        const decoded = Codec.decodeServerMessage(write(path, message, order))
        if (Result.isFailure(decoded)) {
          return [[decoded.failure.type, decoded.failure.message]]
        }
        const update = decoded.success as Message.Pub
        if (update.path === "/nobody" || update.message === undefined) {
          return []
        }
        if (update.position !== undefined) {
          const { offset } = update.position
          if (offset <= (positions.get(update.path) ?? -1)) {
            return []
          }
          positions.set(update.path, offset)
        }
        return [[update.path, update.message, {}]]
      })
      updates.forEach(({ message, path, write }, order) => all.inbox.receive(write(path, message, order)))
      expect(JSON.stringify(all.heard)).toBe(JSON.stringify(expected))
    }),
    { numRuns: 3000 }
  )
})

// What a server may send between the head of an update and its last brace.
const tails = fc.oneof(
  fc.json(),
  fc.string(),
  fc.string({ unit: fc.constantFrom("{", "}", "[", "]", ",", ":", "\"", "1", " ", "a", "\\") })
)

it("an update is read without its envelope only where nothing else is in the text", () => {
  const path = "/a \"b\" \\ \u00e9\u2028"
  const head = Codec.pubHead(path)
  const tail = fc.tuple(tails, fc.string({ unit: fc.constantFrom("{", "}", "]", ",", ":", "\"", "1", " ") }))
  fc.assert(
    fc.property(tail, ([tail, end]) => {
      const [quick, slow] = [setup(), setup()]
      quick.listen(path)
      slow.listen(path)
      quick.inbox.receive(`${head}0}`)
      quick.inbox.receive(`${head}${tail}${end}`)
      slow.inbox.receive(`${head}${tail}${end}`)
      expect(JSON.stringify(quick.heard.slice(1))).toBe(JSON.stringify(slow.heard))
    }),
    {
      numRuns: 5000,
      examples: [
        "1|}",
        "{}|,\"position\":{}}",
        "1,\"message\":2|}",
        "|}",
        "1|} ",
        "1|]",
        "1,\"x\":1|}",
        "1|}}",
        "[|}",
        "1}x|}"
      ].map((text) => [text.split("|") as [string, string]])
    }
  )
})

it("an update of a path that is gone reaches nobody, also right after another", () => {
  const pub = "{\"type\":\"pub\",\"path\":\"/a\",\"message\":1}"
  const leave: ReadonlyArray<(subscriptions: Subscriptions, inbox: Inbox) => void> = [
    (subscriptions) => subscriptions.remove("/a", "/a"),
    (subscriptions) => subscriptions.clear("/a"),
    (subscriptions) => subscriptions.drop("/a", undefined),
    (_, inbox) => inbox.receive("{\"type\":\"revoke\",\"path\":\"/a\"}")
  ]
  for (const go of leave) {
    const { heard, inbox, listen, subscriptions } = setup()
    listen("/a")
    inbox.receive(pub)
    inbox.receive(pub)
    expect(heard).toEqual([["/a", 1, {}], ["/a", 1, {}]])
    go(subscriptions, inbox)
    const before = heard.length
    inbox.receive(pub)
    expect(heard).toHaveLength(before)
    listen("/a")
    inbox.receive(pub)
    inbox.receive(pub)
    expect(heard.slice(before)).toEqual([["/a", 1, {}], ["/a", 1, {}]])
  }
})

it("the first update after a gap says so, also right after another", () => {
  const { heard, inbox, listen } = setup()
  const pub = "{\"type\":\"pub\",\"path\":\"/a\",\"message\":1}"
  listen("/a")
  inbox.receive(pub)
  inbox.receive("{\"type\":\"ping\",\"gaps\":{\"/a\":{\"epoch\":\"e\",\"offset\":5}}}")
  inbox.receive(pub)
  inbox.receive(pub)
  expect(heard).toEqual([["/a", 1, {}], "ping", ["/a", "gap"], ["/a", 1, { gap: true }], ["/a", 1, {}]])
})
