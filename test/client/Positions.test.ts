/** How far a path has come, where epochs come and go: nothing is handed on twice. */
import { expect, it } from "vitest"
import { Subscriptions } from "../../src/client/Subscriptions.js"

const at = (epoch: string, offset: number) => ({ epoch, offset })

const heard = () => {
  const subscriptions = new Subscriptions()
  const messages: Array<unknown> = []
  const topic = subscriptions.create("/a", {})
  topic.listeners.set(messages, { update: (message) => void messages.push(message) })
  const pub = (epoch: string, offset: number): void =>
    subscriptions.deliver({ path: "/a", message: `${epoch}${offset}`, position: at(epoch, offset) }, (cause) => {
      throw cause
    })
  return { subscriptions, messages, pub }
}

it("an update that has come before is not handed on, also where another server was met in between", () => {
  const { messages, pub, subscriptions } = heard()
  for (const offset of [1, 2, 3, 3, 2]) {
    pub("a", offset)
  }
  subscriptions.gap("/a", at("b", 0))
  pub("b", 1)
  subscriptions.gap("/a", at("a", 1))
  for (const offset of [2, 3, 4]) {
    pub("a", offset)
  }
  subscriptions.locate("/a", at("b", 0))
  pub("b", 1)
  pub("b", 2)
  expect(messages).toEqual(["a1", "a2", "a3", "b1", "a4", "b2"])
})

it("a history that has lost its end goes on with lower offsets", () => {
  const { messages, pub, subscriptions } = heard()
  pub("a", 5)
  subscriptions.gap("/a", at("a", 3))
  pub("a", 4)
  expect(messages).toEqual(["a5", "a4"])
})
