/** A master that Sentinels watch over, with real processes: it dies, freezes, comes back; the nodes follow. */
import type { Server } from "@hapi/hapi"
import * as Redacted from "effect/Redacted"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished, vi } from "vitest"
import { redis } from "../../src/redis.js"
import { hear, type Node, startNode, until } from "./Cluster.js"
import { freePort, RedisServer, usual } from "./RedisServer.js"

const declare = (server: Server): void => {
  server.subscription("/plain/{id}")
  server.subscription("/kept/{id}", { recovery: true })
}

/** Sentinels that agree within a second that a master is gone. */
const startSentinels = async (master: RedisServer, count: number): Promise<ReadonlyArray<string>> => {
  const directory = mkdtempSync(join(tmpdir(), "effect-nes-sentinel-"))
  const children: Array<ChildProcess> = []
  const urls: Array<string> = []
  for (let n = 0; n < count; n++) {
    const port = await freePort()
    const file = join(directory, `${n}.conf`)
    writeFileSync(
      file,
      [
        `port ${port}`,
        "bind 127.0.0.1",
        `dir ${directory}`,
        `sentinel monitor main 127.0.0.1 ${master.port} 2`,
        "sentinel down-after-milliseconds main 500",
        "sentinel failover-timeout main 2000",
        ""
      ].join("\n")
    )
    children.push(spawn(usual, [file, "--sentinel"], { stdio: "ignore" }))
    urls.push(`redis://127.0.0.1:${port}`)
  }
  onTestFinished(async () => {
    await Promise.all(children.map(async (child) => {
      child.kill("SIGKILL")
      await once(child, "exit")
    }))
    rmSync(directory, { recursive: true, force: true })
  })
  return urls
}

const follow = async (replica: RedisServer, master: RedisServer): Promise<void> => {
  replica.run("replicaof", "127.0.0.1", String(master.port))
  await replica.says("master_link_status:up", "info", "replication")
}

const cast = async () => {
  const [master, replica] = [await RedisServer.start(), await RedisServer.start()]
  onTestFinished(() => Promise.all([master.stop(), replica.stop()]).then(() => {}))
  await follow(replica, master)
  const sentinels = await startSentinels(master, 3)
  // They must know of each other and of the replica before something happens.
  const port = sentinels[0]?.split(":").at(-1) ?? ""
  await until(() => {
    try {
      const about = master.ask(port, "sentinel", "master", "main")
      return /num-slaves\n1\nnum-other-sentinels\n2/.test(about)
    } catch {
      return false
    }
  }, 40)
  const broker = { url: undefined, sentinels, name: "main", timeout: 3_000 }
  const [a, b] = [await startNode(master, { declare, broker }), await startNode(master, { declare, broker })]
  const bob = await b.connect()
  const gaps: Array<string> = []
  bob.onGap = (path) => void gaps.push(path)
  return { master, replica, a, b, gaps, kept: await hear(bob, "/kept/1"), plain: await hear(bob, "/plain/1") }
}

const published = (node: Node, message: unknown): Promise<void> =>
  until(() => node.server.publish("/kept/1", message).then(() => true, () => false))

it("a master that dies: its replica takes over, publishes go on, and clients are told of a gap", async () => {
  const { a, b, gaps, kept, master, plain, replica } = await cast()
  await published(a, 1)
  await until(() => kept.length === 1)
  await master.kill()
  await replica.says("master", "role")
  await published(a, 2)
  await until(() =>
    [a, b].every(({ events }) => events.filter(({ _tag }) => _tag !== "Unshared").at(-1)?._tag === "Up")
  )
  await published(b, 3)
  await until(() => kept.length === 3)
  await a.server.publish("/plain/1", 1)
  await until(() => plain.length === 1)
  expect([kept, gaps]).toEqual([[1, 2, 3], ["/kept/1"]])
}, 60_000)

it("a master that freezes, and thaws as one of two: the nodes are with the other, and stay there", async () => {
  const { a, b, gaps, kept, master, replica } = await cast()
  await published(a, 1)
  await until(() => kept.length === 1)
  master.freeze()
  onTestFinished(() => master.thaw())
  await replica.says("master", "role")
  // What a node writes to the old master between its thaw and Sentinel's word is lost with it: both have moved before.
  await published(a, 2)
  await published(b, 3)
  await until(() => kept.length === 3)
  master.thaw()
  await published(b, 4)
  await until(() => kept.length === 4)
  expect(replica.run("hget", "nes:state:{/kept/1}", "top")).toBe("4")
  expect([kept, gaps]).toEqual([[1, 2, 3, 4], ["/kept/1"]])
}, 60_000)

interface Word {
  readonly master: RedisServer
  readonly epoch: number
  /** The master that it still has, while the others follow the new one. */
  readonly old?: RedisServer
}

/** A Sentinel that says what it is told to. */
const startPuppet = async (first: RedisServer) => {
  const puppet = { asked: 0, word: { master: first, epoch: 7 } as Word, url: "" }
  const write = (texts: ReadonlyArray<string>): string =>
    `*${texts.length}\r\n${texts.map((text) => `$${text.length}\r\n${text}\r\n`).join("")}`
  const server = createServer((socket) => {
    socket.on("error", () => {})
    socket.on("data", (data) => {
      const { epoch, master, old = master } = puppet.word
      for (const [word] of data.toString().matchAll(/get-master-addr-by-name|master(?=\r)|PING/g)) {
        puppet.asked += word === "master" ? 1 : 0
        socket.write(
          word === "PING"
            ? "+PONG\r\n"
            : write(
              word === "master"
                ? ["ip", "127.0.0.1", "port", String(old.port), "config-epoch", String(epoch)]
                : ["127.0.0.1", String(master.port)]
            )
        )
      }
    })
  }).listen(0, "127.0.0.1")
  onTestFinished(() => void server.close())
  await once(server, "listening")
  puppet.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
  return puppet
}

/** A Sentinel that takes connections, and says nothing. */
const startSilent = async (): Promise<string> => {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1")
  onTestFinished(() => void server.close())
  await once(server, "listening")
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const castPuppet = async (others: ReadonlyArray<string> = []) => {
  const [a, b] = [await RedisServer.start(), await RedisServer.start()]
  onTestFinished(() => Promise.all([a.stop(), b.stop()]).then(() => {}))
  const puppet = await startPuppet(a)
  const broker = { url: undefined, sentinels: [...others, puppet.url], name: "main", timeout: 3_000 }
  const node = await startNode(a, { declare, broker })
  const writesTo = async (redis: RedisServer): Promise<void> => {
    const from = Number(redis.run("hget", "nes:state:{/kept/1}", "top"))
    await until(async () => {
      await node.server.publish("/kept/1", 1).catch(() => {})
      return Number(redis.run("hget", "nes:state:{/kept/1}", "top")) > from
    }, 40)
  }
  // Then it asks where to go.
  const loses = async (redis: RedisServer): Promise<void> => {
    const { length } = node.events
    redis.run("client", "kill", "type", "pubsub")
    await until(() => node.events.slice(length).some(({ _tag }) => _tag === "Up"))
  }
  return { a, b, puppet, node, writesTo, loses }
}

it("a move that one connection has found first takes the other along: a node writes where it hears", async () => {
  const { a, b, loses, node, puppet, writesTo } = await castPuppet()
  const heard = await hear(await node.connect(), "/kept/1")
  puppet.word = { master: b, epoch: 8 }
  await loses(a)
  await writesTo(b)
  await until(() => heard.length > 0)
})

it("a Sentinel that still has the old master, while replicas follow the new one, is asked for the new one", async () => {
  const { a, b, loses, puppet, writesTo } = await castPuppet()
  puppet.word = { master: b, epoch: 8, old: a }
  await loses(a)
  await writesTo(b)
})

it("a master that was frozen while a node came to it, and another took its place meanwhile: the node goes there", async () => {
  const { a, b, node, puppet } = await castPuppet()
  expect(node.events).toMatchObject([{ _tag: "Up" }])
  const states = (): string => node.events.map(({ _tag }) => _tag).join()
  a.freeze()
  onTestFinished(() => a.thaw())
  await until(() => states() === "Up,Down")
  const { asked } = puppet
  await until(() => puppet.asked > asked)
  puppet.word = { master: b, epoch: 8 }
  a.thaw()
  await until(() => b.run("pubsub", "channels", "nes:node:*") !== "", 40)
  await until(() => states().endsWith("Up"))
  expect(states()).toBe("Up,Down,Up")
})

it("a Sentinel that is silent holds up no node that starts, nor one that looks for its master again", async () => {
  const { a, loses, node, writesTo } = await castPuppet([await startSilent()])
  expect(node.events).toMatchObject([{ _tag: "Up" }])
  await loses(a)
  await writesTo(a)
})

it("Sentinels with older news than before are not believed at once, but are if they stay with it: set up anew", async () => {
  const { a, b, loses, puppet, writesTo } = await castPuppet()
  puppet.word = { master: b, epoch: 0 }
  await loses(a)
  await writesTo(a)
  expect(b.run("exists", "nes:state:{/kept/1}")).toBe("0")
  const now = performance.now.bind(performance)
  const later = vi.spyOn(performance, "now").mockImplementation(() => now() + 10_000)
  onTestFinished(() => later.mockRestore())
  await loses(a)
  await writesTo(b)
})

it("options that make no sense are refused", () => {
  const wrongUrl = "a url begins with redis:// or rediss://, as redis://localhost:6379"
  const refused: ReadonlyArray<readonly [Parameters<typeof redis>[0], string]> = [
    [{ url: ["redis://a", "redis://b"] }, "Several urls are those of a Redis Cluster: set `cluster`, or give one"],
    ...["localhost", "unix:/run/redis.sock", "redis://", "redis://localhost/one"].map((url) =>
      [{ url }, wrongUrl] as const
    ),
    [{}, "`url` is missing"],
    [{ url: "redis://a", balanse: true } as never, "`balanse` is unexpected"],
    [undefined as unknown as string, "`url` is missing"],
    ["localhost:6379", wrongUrl],
    ["http://localhost:6379", wrongUrl],
    ["redis://", wrongUrl],
    [{ url: ["redis://a", "b:6379"], cluster: true }, wrongUrl],
    [{ sentinels: ["a:26379"], name: "main" }, wrongUrl],
    [{ url: [], cluster: true }, "`url` is missing"],
    [{ url: Redacted.make("") }, "`url` is missing"],
    [{ url: "redis://a", timeout: 0 }, "`timeout` and `balance.patience` are times above zero"],
    [{ url: "redis://a", timeout: "25 days" }, "`timeout` and `balance.patience` are times above zero"],
    [{ url: "redis://a", timeout: "soon" as "1 day" }, "`timeout` and `balance.patience` are times above zero"],
    [{ url: "redis://a", balance: { patience: NaN } }, "`timeout` and `balance.patience` are times above zero"],
    [{ sentinels: ["redis://a"] }, "`sentinels` need at least one url, and the `name` of the master"],
    [{ sentinels: [], name: "main" }, "`sentinels` need at least one url, and the `name` of the master"],
    [
      { sentinels: ["redis://a"], name: "main", url: "redis://b" },
      "`sentinels` take the place of `url`, and know no `cluster`"
    ],
    [
      { sentinels: ["redis://a"], name: "main", cluster: true },
      "`sentinels` take the place of `url`, and know no `cluster`"
    ]
  ]
  for (const [options, message] of refused) {
    expect(() => redis(options)).toThrow(`Invalid Redis options: ${message}`)
  }
})
