/**
 * Nodes in processes of their own, a real Redis, clients spread over the nodes: numbered messages are published while
 * nodes and Redis are killed, frozen and cut off; in the end every message is accounted for.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { Client } from "../../../src/client.js"
import { ChildProcess } from "../../interop/peers/ChildProcess.js"
import { RedisServer } from "../RedisServer.js"
import { Balancer } from "./Balancer.js"
import * as Ledgers from "./Ledger.js"
import { Ledger } from "./Ledger.js"

const nodeModule = new URL("node.child.ts", import.meta.url)
const paths = ["/kept/1", "/kept/2", "/short/1"]
const nodeCount = 3
const clientCount = 6

/** How long everything may take to come back, in ms: far above what it takes, so that a hang has a name. */
const patience = 30_000

export interface Options {
  readonly rounds: number
  /** Whether Redis keeps all that it has confirmed, or loses everything when it is killed. */
  readonly durable: boolean
  readonly seed: number
  readonly report?: (line: string) => void
}

interface Node {
  child: ChildProcess | undefined
  port: number
}

// Reproducible, as far as the faults go: mulberry32.
const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

class Stage {
  readonly ledgers = paths.map((path) => new Ledger(path, clientCount))
  readonly nodes: Array<Node> = Array.from({ length: nodeCount }, () => ({ child: undefined, port: 0 }))
  readonly clients: Array<Client> = []
  readonly dice: () => number
  balancer!: Balancer
  publishing = true

  constructor(readonly redis: RedisServer, readonly options: Options) {
    this.dice = random(options.seed)
  }

  pick<A>(items: ReadonlyArray<A>): A {
    return items[Math.floor(this.dice() * items.length)] as A
  }

  async startNode(node: Node): Promise<void> {
    const child = await ChildProcess.start(nodeModule, [this.redis.url, this.options.durable ? "durable" : "lossy"])
    node.port = Number(await child.call("port"))
    node.child = child
  }

  async killNode(node: Node): Promise<void> {
    const { child } = node
    node.child = undefined
    await child?.kill()
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.startNode(node)))
    this.balancer = await Balancer.start(() => this.nodes.flatMap(({ child, port }) => (child ? [port] : [])))
    for (let i = 0; i < clientCount; i++) {
      const client = new Client(this.balancer.url)
      client.onError = null
      client.onGap = (path) => void this.ledgers.find((ledger) => ledger.path === path)?.readers[i]?.push("gap")
      this.clients.push(client)
      // What had been confirmed before a connection was there comes to it from the history.
      const before = new Map<Ledger, number>()
      client.onConnect = () => {
        for (const ledger of this.ledgers) {
          before.set(ledger, Math.max(0, ...ledger.confirmed))
        }
      }
      await client.connect({ delay: 20, maxDelay: 100, jitter: true })
      for (const ledger of this.ledgers) {
        await client.subscribe<number>(
          ledger.path,
          (n) => void ledger.readers[i]?.push({ n, replayed: n <= (before.get(ledger) ?? 0) })
        )
      }
    }
  }

  /** Publishes the next message of a path through some node; whether that was confirmed. */
  async publish(ledger: Ledger): Promise<number | undefined> {
    const child = this.pick(this.nodes.flatMap(({ child }) => (child ? [child] : [])))
    const n = ledger.next++
    try {
      await child.call("publish", ledger.path, n)
      ledger.confirmed.add(n)
      return n
    } catch {
      ledger.failed.add(n)
      return undefined
    }
  }

  async publishOn(ledger: Ledger): Promise<void> {
    while (this.publishing) {
      await this.publish(ledger)
      await sleep(5)
    }
  }

  readonly faults: Readonly<Record<string, () => Promise<void>>> = {
    "a node dies": async () => {
      const node = this.pick(this.nodes)
      await this.killNode(node)
      await this.startNode(node)
    },
    "Redis dies": async () => {
      await this.redis.kill()
      await sleep(this.dice() * 500)
      await this.redis.start()
    },
    "Redis and a node die": async () => {
      const node = this.pick(this.nodes)
      await Promise.all([this.redis.kill(), this.killNode(node)])
      await Promise.all([this.redis.start(), this.startNode(node)])
    },
    "Redis freezes": async () => {
      this.redis.freeze()
      await sleep(100 + this.dice() * 1_000)
      this.redis.thaw()
    },
    "a node freezes": async () => {
      const { child } = this.pick(this.nodes)
      child?.signal("SIGSTOP")
      await sleep(100 + this.dice() * 1_000)
      child?.signal("SIGCONT")
    },
    "Redis drops its subscribers": async () => {
      this.redis.run("client", "kill", "type", "pubsub")
      await sleep(100)
    },
    "clients are cut off": async () => {
      this.balancer.cut(() => this.dice() < 0.5)
      await sleep(50)
    }
  }

  /** A message on every path that is confirmed, and waits until every reader has it. */
  async fence(): Promise<void> {
    const deadline = Date.now() + patience
    for (const ledger of this.ledgers) {
      let last: number | undefined
      while (last === undefined) {
        last = await this.publish(ledger)
        if (Date.now() > deadline) {
          throw new Error(`nothing can be published on ${ledger.path} any more`)
        }
      }
      // One that does not come is the ledger's to tell.
      while (!ledger.heardByAll(last) && Date.now() < deadline) {
        await sleep(10)
      }
    }
  }

  async stop(): Promise<void> {
    this.publishing = false
    await Promise.all(this.clients.map((client) => client.disconnect()))
    this.balancer.stop()
    await Promise.all(this.nodes.map((node) => this.killNode(node)))
  }
}

/** Runs rounds of faults, and returns what became of the messages. */
export const run = async (options: Options): Promise<Ledgers.Figures> => {
  const redis = await RedisServer.start({ durable: options.durable })
  const stage = new Stage(redis, options)
  try {
    await stage.start()
    const names = Object.keys(stage.faults)
    for (let round = 1; round <= options.rounds; round++) {
      // Every fault has its turn, in an order of its own.
      const fault = names[(round + options.seed) % names.length] ?? ""
      stage.publishing = true
      const publishers = stage.ledgers.map((ledger) => stage.publishOn(ledger))
      await sleep(50 + stage.dice() * 100)
      await stage.faults[fault]?.()
      await sleep(stage.dice() * 100)
      stage.publishing = false
      await Promise.all(publishers)
      await stage.fence()
      const { missing, published } = stage.ledgers.map((ledger) => ledger.account()).reduce(Ledgers.add)
      options.report?.(`round ${round}, ${fault}: ${published} published so far, ${missing} missing`)
    }
    return stage.ledgers.map((ledger) => ledger.account()).reduce(Ledgers.add)
  } finally {
    await stage.stop()
    await redis.stop()
  }
}

/** The figures in one line. */
export const line = (figures: Ledgers.Figures): string =>
  `published ${figures.published}, failed ${figures.failed}, delivered ${figures.delivered}, ` +
  `recovered ${figures.recovered}, gaps reported ${figures.gaps}, missing ${figures.missing}, ` +
  `duplicated ${figures.duplicated}, out of order ${figures.disordered}`
