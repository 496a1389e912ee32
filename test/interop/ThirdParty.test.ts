/** Packages from npm that depend on nes: their own tests, as they are published, on this plugin. */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { RedisServer } from "../redis/RedisServer.js"
import { root } from "../structure/Repository.js"

const ours = join(root, "dist/hapi.cjs")
let redis: RedisServer

beforeAll(async () => {
  if (!existsSync(ours)) {
    throw new Error("There is no build: run `npm run build` first")
  }
  redis = await RedisServer.start()
})
afterAll(() => redis.stop())

/** What came of their tests whose name has this word. */
const outcomes = async (name: string, plugin: string, word: string): Promise<Readonly<Record<string, string>>> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, "test/interop/third-party.child.cjs"), name, plugin, new URL(redis.url).port, word],
    { cwd: root }
  )
  return JSON.parse(stdout) as Readonly<Record<string, string>>
}

describe("graphi 9", () => {
  it("passes its tests of subscriptions, as on @hapi/nes", async () => {
    const passed = await outcomes("graphi", ours, "subscription")
    expect(Object.keys(passed)).toHaveLength(6)
    expect(new Set(Object.values(passed))).toEqual(new Set(["passed"]))
    expect(await outcomes("graphi", "@hapi/nes", "subscription")).toEqual(passed)
  })
})

describe("multines 1", () => {
  it("passes its tests, alone and with two servers on one broker, in memory and on Redis", async () => {
    const passed = await outcomes("multines", ours, "")
    expect(Object.keys(passed)).toHaveLength(18)
    expect(new Set(Object.values(passed))).toEqual(new Set(["passed"]))
  })

  it("does not find the plugin that it depends on with @hapi/nes, which has another name", async () => {
    expect(await outcomes("multines", "@hapi/nes", "nes work as normal")).toEqual({
      "nes work as normal: pub/sub": "Plugin multines missing dependency nes",
      "nes work as normal: sub/unsub/pub": "Plugin multines missing dependency nes",
      "nes work as normal: sub/disconnect/sub/pub": "Plugin multines missing dependency nes"
    })
  })
})
