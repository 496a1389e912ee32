/** The Redis of a run: one server, one that Sentinels watch over, or a Redis Cluster; and what can happen to it. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Options } from "../../../src/redis/RedisBroker.js"
import { Proxy } from "../Proxy.js"
import { freePort, RedisServer, usual } from "../RedisServer.js"

/** Something that happens: it ends when it is over, and things may be expected to come back. */
export type Fault = (dice: () => number) => Promise<void>

export interface Topology {
  /** Where the n-th node finds it. */
  readonly options: (node: number) => Options
  readonly faults: Readonly<Record<string, Fault>>
  /** Whether two servers may have taken what is published at the same time since this was asked last. */
  readonly isSplit: () => boolean
  /** What the servers say of themselves: for whoever looks for the reason. */
  readonly describe: () => ReadonlyArray<string>
  readonly stop: () => Promise<void>
}

export type Kind = "durable" | "lossy" | "sentinel" | "cluster"

const pause = (least: number, most: number, dice: () => number): Promise<void> => sleep(least + dice() * (most - least))

const used = (redis: RedisServer): number => Number(/used_memory:(\d+)/.exec(redis.run("info", "memory"))?.[1])

const ofServer = (redis: RedisServer): Readonly<Record<string, Fault>> => ({
  "Redis dies": async (dice) => {
    await redis.kill()
    await pause(0, 500, dice)
    await redis.start()
  },
  "Redis freezes": async (dice) => {
    redis.freeze()
    await pause(100, 1_100, dice)
    redis.thaw()
  },
  "Redis is slow": async (dice) => {
    for (let n = 0; n < 5; n++) {
      redis.run("client", "pause", "80", "all")
      await pause(90, 150, dice)
    }
  },
  "Redis drops its subscribers": async () => {
    redis.run("client", "kill", "type", "pubsub")
    await sleep(100)
  },
  "Redis forgets its scripts": async (dice) => {
    for (let n = 0; n < 10; n++) {
      redis.run("script", "flush")
      await pause(5, 30, dice)
    }
  },
  "Redis evicts": async (dice) => {
    redis.run("config", "set", "maxmemory-policy", "allkeys-random")
    redis.run("config", "set", "maxmemory", String(Math.floor(used(redis) * 0.98)))
    await pause(50, 200, dice)
    redis.run("config", "set", "maxmemory", "0")
    redis.run("config", "set", "maxmemory-policy", "noeviction")
  },
  "Redis is full": async (dice) => {
    redis.run("config", "set", "maxmemory", "1")
    await pause(100, 500, dice)
    redis.run("config", "set", "maxmemory", "0")
  },
  "Redis has too few replicas": async (dice) => {
    redis.run("config", "set", "min-replicas-to-write", "1")
    await pause(100, 500, dice)
    redis.run("config", "set", "min-replicas-to-write", "0")
  }
})

const startSingle = async (durable: boolean, nodes: number): Promise<Topology> => {
  const redis = await RedisServer.start({ durable })
  const proxies = await Promise.all(Array.from({ length: nodes }, () => Proxy.start(redis.port, () => {})))
  const some = (dice: () => number): Proxy => proxies[Math.floor(dice() * nodes)] as Proxy
  const { "Redis evicts": evicts, ...faults } = ofServer(redis)
  return {
    options: (node) => ({ url: proxies[node]?.url, durable }),
    faults: {
      ...faults,
      // Who says that nothing is lost says so of this, too.
      ...(durable || !evicts ? {} : { "Redis evicts": evicts }),
      "a node is cut off": async (dice) => {
        const proxy = some(dice)
        proxy.cut()
        await pause(100, 1_000, dice)
        proxy.mend()
      },
      "a node's way swallows everything": async (dice) => {
        const proxy = some(dice)
        proxy.swallow()
        await pause(100, 1_500, dice)
        proxy.mend()
      },
      "Redis is far from a node": async (dice) => {
        const proxy = some(dice)
        proxy.delay = 100
        await pause(300, 800, dice)
        proxy.delay = 0
        proxy.drop()
      }
    },
    isSplit: () => false,
    describe: () => [],
    stop: async () => {
      proxies.forEach((proxy) => proxy.stop())
      await redis.stop()
    }
  }
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let n = 0; !attempt(holds); n++) {
    if (n > 600) {
      throw new Error("Redis does not come to rest")
    }
    await sleep(100)
  }
}

// A server that is promoted drops its connections.
const attempt = (holds: () => boolean): boolean => {
  try {
    return holds()
  } catch {
    return false
  }
}

const isMaster = (redis: RedisServer): boolean => redis.run("role").startsWith("master")
const isInStep = (redis: RedisServer): boolean => redis.run("info", "replication").includes("master_link_status:up")

/**
 * Two servers, one of which takes the other's place when that one dies, again and again. `isNamed` says whether whoever
 * decides it has a server for the master, `epoch` how often that was decided.
 */
const pair = (
  first: RedisServer,
  second: RedisServer,
  takeOver: (next: RedisServer) => Promise<void>,
  isNamed: (master: RedisServer) => boolean,
  epoch: () => number
) => {
  const roles = { master: first, replica: second }
  let decided = epoch()
  let split = false
  // On a loaded machine Sentinels may find the new master gone, too, and take the old one back.
  const look = (): void => {
    split ||= epoch() !== decided
    decided = epoch()
    const { master, replica } = roles
    if (isNamed(replica)) {
      Object.assign(roles, { master: replica, replica: master })
    }
  }
  const settle = async (): Promise<void> => {
    // Sentinels have an old master follow the new one, too, but only after 8 s.
    await until(() => {
      look()
      const { master, replica } = roles
      if (isNamed(master) && isMaster(master) && isMaster(replica)) {
        replica.run("replicaof", "127.0.0.1", String(master.port))
      }
      return isNamed(master) && isMaster(master) && !isMaster(replica) && isInStep(replica)
    })
    // Nodes find their way one after the other, while others publish.
    await sleep(1_500)
  }
  const failover = (how: (master: RedisServer) => () => Promise<void>): Fault => async () => {
    look()
    const { master, replica } = roles
    const back = how(master)
    await takeOver(replica)
    // A master that is back before it is known that there is another is taken for the only one, and the other for its
    // replica: then nothing has taken its place.
    await until(() => isNamed(replica))
    decided = epoch()
    await back()
    await settle()
  }
  return {
    roles,
    faults: {
      "the master dies, the other takes its place": failover((master) => {
        const dead = master.kill()
        return () => dead.then(() => master.start())
      }),
      "the master freezes, the other takes its place": failover((master) => {
        master.freeze()
        return async () => {
          await sleep(200)
          master.thaw()
        }
      }),
      "the replica is cut off from the master, which then dies": async (dice: () => number) => {
        look()
        // What is confirmed from here on, the other never hears of.
        roles.replica.freeze()
        await pause(100, 200, dice)
        const dead = roles.master.kill()
        roles.replica.thaw()
        const { master } = roles
        await failover(() => () => dead.then(() => master.start()))(dice)
      },
      "the master dies, and is back before the other takes its place": async (dice: () => number) => {
        look()
        await roles.master.kill()
        await pause(0, 300, dice)
        await roles.master.start()
        await settle()
      }
    },
    /** For a while both are masters, and some nodes are with one, some with the other. */
    moveOn: (command: () => void): Fault => async (dice) => {
      await failover(() => {
        command()
        return () => pause(0, 1_000, dice)
      })(dice)
      split = true
    },
    isSplit: () => {
      look()
      const was = split
      split = false
      return was
    }
  }
}

const startSentinel = async (): Promise<Topology> => {
  const [first, second] = [await RedisServer.start(), await RedisServer.start()]
  second.run("replicaof", "127.0.0.1", String(first.port))
  await until(() => isInStep(second))
  const directory = mkdtempSync(join(tmpdir(), "effect-nes-sentinels-"))
  const children: Array<ChildProcess> = []
  const ports: Array<number> = []
  for (let n = 0; n < 3; n++) {
    const port = await freePort()
    const file = join(directory, `${n}.conf`)
    writeFileSync(
      file,
      `port ${port}\nbind 127.0.0.1\ndir ${directory}\nsentinel monitor main 127.0.0.1 ${first.port} 2\n` +
        // A Sentinel looks for a new master once a second: one that it must hear within that is often gone at once.
        "sentinel down-after-milliseconds main 2000\nsentinel failover-timeout main 2000\n"
    )
    children.push(spawn(usual, [file, "--sentinel"], { stdio: "ignore" }))
    ports.push(port)
  }
  const ask = (port: number | undefined, word: string): string =>
    first.ask(String(port), "sentinel", word, "main").replaceAll("\n", " ")
  await until(() => /num-slaves 1 num-other-sentinels 2/.test(ask(ports[0], "master")))
  const { faults, isSplit, moveOn } = pair(
    first,
    second,
    () => Promise.resolve(),
    ({ port }) => ports.every((sentinel) => ask(sentinel, "get-master-addr-by-name").endsWith(` ${port}`)),
    () => Number(/config-epoch (\d+)/.exec(ask(ports[0], "master"))?.[1])
  )
  return {
    options: () => ({ sentinels: ports.map((port) => `redis://127.0.0.1:${port}`), name: "main" }),
    faults: {
      ...faults,
      "another takes the place of a master that lives": moveOn(() => void ask(ports[0], "failover"))
    },
    isSplit,
    describe: () => [
      ...ports.map((port) => `Sentinel ${port}: the master is ${ask(port, "get-master-addr-by-name")}`),
      ...[first, second].map((redis) => {
        const [role, channels] = [["role"], ["pubsub", "channels", "nes:node:*"]].map((args) =>
          redis.run(...args).replaceAll("\n", " ")
        )
        return `Redis ${redis.port}: ${role}, heard by ${channels}`
      })
    ],
    stop: async () => {
      children.forEach((child) => child.kill("SIGKILL"))
      await Promise.all([first.stop(), second.stop()])
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

const startCluster = async (): Promise<Topology> => {
  const first = await RedisServer.start({ cluster: true })
  const second = await RedisServer.start({ cluster: true, replicaOf: first })
  const { faults, isSplit } = pair(
    first,
    second,
    async (next) => {
      await sleep(300)
      next.run("cluster", "failover", "takeover")
    },
    isMaster,
    () => 0
  )
  return {
    options: () => ({ url: [first.url, second.url], cluster: true }),
    faults,
    isSplit,
    describe: () => [],
    stop: () => Promise.all([first.stop(), second.stop()]).then(() => {})
  }
}

export const start = (kind: Kind, nodes: number): Promise<Topology> =>
  kind === "sentinel" ? startSentinel() : kind === "cluster" ? startCluster() : startSingle(kind === "durable", nodes)
