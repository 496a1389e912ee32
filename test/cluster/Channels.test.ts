/** The channels of a node while Redis is away. */
import { expect, it } from "vitest"
import { Channels } from "../../src/cluster/Channels.js"
import type { RedisConnection } from "../../src/redis/RedisConnection.js"

it("a path that nobody listens to any more is forgotten while Redis is away, too", async () => {
  const wanted = new Set<string>()
  const asked: Array<string> = []
  const heard: Array<string> = []
  let isUp = false
  const link: RedisConnection = {
    get isUp() {
      return isUp
    },
    publish: "PUBLISH",
    command: () => Promise.resolve(),
    subscribe: (channel) => {
      heard.push(channel)
      return Promise.resolve()
    },
    unsubscribe: () => Promise.resolve(),
    close: () => Promise.resolve()
  }
  const listens = (path: string): boolean => {
    asked.push(path)
    return wanted.has(path)
  }
  const channels = new Channels(link, (path) => `nes:${path}`, listens, () => {})
  for (const path of ["/stays", "/leaves"]) {
    wanted.add(path)
    await channels.follow(path)
  }
  wanted.delete("/leaves")
  await channels.follow("/leaves")
  asked.length = 0
  isUp = true
  channels.revive()
  await channels.follow("/stays")
  expect(heard).toEqual(["nes:/stays"])
  expect(asked).not.toContain("/leaves")
})
