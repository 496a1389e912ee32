/** The ACL line of docs/security.md is enough for a cluster, and for nothing else. */
import { expect, it, onTestFinished } from "vitest"
import { redis as broker } from "../../src/redis.js"
import { startNodeOn } from "../cluster/Cluster.js"
import { read } from "../structure/Repository.js"
import { as, hear, until } from "./Cluster.js"
import { programs, RedisServer } from "./RedisServer.js"

const line = /^ACL SETUSER (.*)$/m.exec(read("docs/security.md"))?.[1] ?? ""

it.each(programs())("two nodes publish, keep, claim, revoke and count with it, on %s", async (program) => {
  const redis = await RedisServer.start({ program })
  onTestFinished(() => redis.stop())
  expect(redis.run("acl", "setuser", ...line.split(" "))).toBe("OK")
  const url = redis.url.replace("redis://", "redis://nes:secret@")
  const start = () =>
    startNodeOn((onEvent) => broker({ url, timeout: 10_000, onEvent }), {
      options: { auth: { index: true, maxConnectionsPerUser: 1, route: "named" } },
      declare: (server) => {
        server.subscription("/plain/{id}")
        server.subscription("/kept/{id}", { recovery: true, state: true, presence: true })
      }
    })
  const [a, b] = [await start(), await start()]
  const bob = await b.connect(as("bob"))
  await expect(a.connect(as("bob"))).rejects.toMatchObject({ statusCode: 503 })
  const heard = [await hear(bob, "/plain/1"), await hear(bob, "/kept/1")]
  await a.server.publish("/plain/1", 1)
  await a.server.publish("/kept/1", 2)
  await until(() => heard.every(({ length }) => length === 1))
  expect(heard).toEqual([[1], [2]])
  await expect(a.server.plugins.nes.node.count("/kept/1")).resolves.toMatchObject({ total: 1 })
  await a.server.plugins.nes.node.revoke({ user: "bob" }, "/plain/1")
  await until(() => !bob.subscriptions().includes("/plain/1"))
  await b.server.history("/kept/1").clear()
  await until(async () => await a.server.presence("/kept/1").count() === 1)
  const { once } = a.server.plugins.nes.node
  expect([await once.begin("key", "a"), await once.begin("key", "a")]).toEqual(["new", "busy"])
  await once.end("key", "a", true)
  expect(await once.begin("key", "a")).toBe("done")
  expect(redis.run("acl", "log")).toBe("")
  for (
    const command of ["get nes:other", "hget other field", "publish other 1", "flushall", "config get dir", "keys *"]
  ) {
    const answer = redis.run("--user", "nes", "--pass", "secret", "--no-auth-warning", ...command.split(" "))
    expect(answer, command).toMatch(/^NOPERM/)
  }
})
