/**
 * Nodes in processes of their own, a real Redis, clients spread over the nodes: numbered messages are published while
 * nodes, Redis and the ways between are killed, frozen, slowed and cut; in the end every message is accounted for.
 */
import { createRequire } from "node:module"
import { setTimeout as sleep } from "node:timers/promises"
import { Client } from "../../../src/client.js"
import { ChildProcess } from "../../harness/ChildProcess.js"
import { Attendance, room, type Told } from "./Attendance.js"
import { Balancer } from "./Balancer.js"
import * as Ledgers from "./Ledger.js"
import { Ledger } from "./Ledger.js"
import * as Topology from "./Topology.js"

// Its types would be those of hapi's, too, which are ours here.
interface OlderClient {
  onError: (error: unknown) => void
  onConnect: () => void
  readonly connect: (options: object) => Promise<void>
  readonly subscribe: (path: string, handler: (message: never) => void) => Promise<void>
  readonly disconnect: () => Promise<void>
}
const { Client: OlderClient } = createRequire(import.meta.url)("@hapi/nes") as {
  readonly Client: new(url: string) => OlderClient
}

const nodeModule = new URL("node.child.ts", import.meta.url)
const paths = ["/kept/1", "/kept/2", "/short/1"]
/** What a client must not hear after it was revoked, and what is for one user only. */
const secret = "/kept/secret"
const own = "/own/1"
const users = ["u0", "u1", "u2"]
const nodeCount = 3
const clientCount = 6
const olderCount = 2

/** How long everything may take to come back, in ms: far above what it takes, so that a hang has a name. */
const patience = 40_000

export interface Options {
  readonly rounds: number
  readonly kind: Topology.Kind
  readonly seed: number
  /** The one fault that all rounds have: by default each has its turn. */
  readonly fault?: string | undefined
  readonly report?: (line: string) => void
}

/** What the rounds with one kind of fault had in common. */
export interface Share {
  readonly rounds: number
  readonly figures: Ledgers.Figures
  /** How long it took at most until everybody heard of everything again, in ms. */
  readonly longest: number
}

export const combine = (a: Share, b: Share): Share => ({
  rounds: a.rounds + b.rounds,
  figures: Ledgers.add(a.figures, b.figures),
  longest: Math.max(a.longest, b.longest)
})

/** What became of all messages, by what happened meanwhile. */
export type Shares = Map<string, Share>

/** Adds what one kind of fault has come to. */
export const count = (shares: Shares, fault: string, share: Share): void => {
  const before = shares.get(fault)
  shares.set(fault, before ? combine(before, share) : share)
}

interface Node {
  readonly index: number
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

const as = (user: string) => ({ headers: { "x-user": user } })

const reconnecting = { delay: 20, maxDelay: 100, jitter: true }

class Stage {
  readonly ledgers = paths.map((path) => new Ledger(path, clientCount))
  readonly nodes: Array<Node> = Array.from({ length: nodeCount }, (_, index) => ({ index, child: undefined, port: 0 }))
  readonly clients: Array<Client> = []
  readonly older: Array<{ readonly client: OlderClient; readonly heard: Map<string, Array<number>> }> = []
  readonly dice: () => number
  readonly figures = { ...Ledgers.none }
  readonly attendance = new Attendance([...users, "old"], (name) => this.invite(name))
  balancer: Balancer | undefined
  publishing = true
  private readonly eve = { subscribed: 0, revoked: 0, id: "", from: Infinity }
  private secrets = 0
  private addressed = 0

  constructor(readonly topology: Topology.Topology, readonly options: Options) {
    this.dice = random(options.seed)
  }

  pick<A>(items: ReadonlyArray<A>): A {
    return items[Math.floor(this.dice() * items.length)] as A
  }

  private get alive(): ReadonlyArray<ChildProcess> {
    return this.nodes.flatMap(({ child }) => (child ? [child] : []))
  }

  // Both doors, and one node whose clock is an hour off.
  async startNode(node: Node): Promise<void> {
    const door = node.index === 1 ? "effect" : "hapi"
    const skew = node.index === 2 ? 3_600_000 : 0
    const child = await ChildProcess.start(nodeModule, [
      JSON.stringify(this.topology.options(node.index)),
      door,
      String(skew)
    ])
    node.port = Number(await child.call("port"))
    node.child = child
  }

  async killNode(node: Node): Promise<void> {
    const { child } = node
    node.child = undefined
    await child?.kill()
  }

  async start(): Promise<void> {
    for (const node of this.nodes) {
      await this.startNode(node)
    }
    this.balancer = await Balancer.start(() => this.nodes.flatMap(({ child, port }) => (child ? [port] : [])))
    for (let i = 0; i < clientCount; i++) {
      await this.startClient(i, this.balancer.url)
    }
    for (let i = 0; i < olderCount; i++) {
      await this.startOlder(this.balancer.url)
    }
  }

  private async invite(name: string): Promise<Client> {
    const client = new Client(this.balancer?.url ?? "")
    client.onError = null
    await client.connect({ ...reconnecting, auth: as(name) })
    return client
  }

  private async startClient(i: number, url: string): Promise<void> {
    const client = new Client(url)
    client.onError = null
    client.onGap = (path) => this.ledgers.find((ledger) => ledger.path === path)?.tell(i)
    this.clients.push(client)
    // What had been confirmed before a connection was there comes to it from the history.
    const before = new Map<Ledger, number>()
    client.onConnect = () => {
      for (const ledger of this.ledgers) {
        before.set(ledger, Math.max(0, ...ledger.confirmed))
      }
    }
    const user = users[i % users.length] ?? ""
    await client.connect({ ...reconnecting, auth: as(user) })
    for (const ledger of this.ledgers) {
      await client.subscribe<number>(
        ledger.path,
        (n) => void ledger.readers[i]?.push({ n, replayed: n <= (before.get(ledger) ?? 0) })
      )
    }
    await client.subscribe<string>(own, (to) => void (to === user || this.figures.wrongUser++))
    await client.subscribe(room, () => {})
    await client.subscribe<Told>(`${room}/presence`, this.attendance.watcher().hear)
  }

  // It knows no recovery: what it misses it misses, but what it gets is in order, and once.
  private async startOlder(url: string): Promise<void> {
    const client = new OlderClient(url)
    client.onError = () => {}
    // By path and connection: what another node tells it later it cannot know to be the same.
    const heard = new Map<string, Array<number>>()
    let connection = 0
    client.onConnect = () => void connection++
    this.older.push({ client, heard })
    await client.connect({ delay: 20, maxDelay: 100, auth: as("old") })
    for (const path of paths) {
      await client.subscribe(path, (n: number) => {
        const key = `${path} ${connection}`
        heard.set(key, [...heard.get(key) ?? [], n])
      })
    }
    await client.subscribe(room, () => {})
    await client.subscribe(`${room}/presence`, this.attendance.watcher().hear)
  }

  /** Publishes the next message of a path through some node; whether that was confirmed. */
  async publish(ledger: Ledger): Promise<number | undefined> {
    const n = ledger.next++
    try {
      await this.pick(this.alive).call("publish", ledger.path, n)
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

  /** Waits until messages flow on every path, however long that takes. */
  async flow(): Promise<void> {
    const enough = this.ledgers.map((ledger) => [ledger, ledger.next + 5] as const)
    while (enough.some(([ledger, next]) => ledger.next < next)) {
      await sleep(10)
    }
  }

  async publishToUsers(): Promise<void> {
    while (this.publishing) {
      const user = users[this.addressed++ % users.length]
      await this.pick(this.alive).call("publish", own, user, user).catch(() => {})
      await sleep(10)
    }
  }

  /** Eve is the last of the clients: she is revoked while things happen, and asks again afterwards. */
  async publishSecrets(): Promise<void> {
    const { eve } = this
    const client = this.clients[clientCount - 1]
    if (!client) {
      return
    }
    const user = users[(clientCount - 1) % users.length] ?? ""
    while (this.publishing) {
      const subscription = eve.subscribed + 1
      const asked = client.subscribe<number>(secret, (n) => {
        // Whoever has connected anew has asked anew.
        if (typeof n === "number" && n >= eve.from && subscription <= eve.revoked && client.id === eve.id) {
          this.figures.afterRevoke++
        }
      }).then(() => true, () => false)
      eve.subscribed = subscription
      eve.from = Infinity
      await asked
      await this.publishSecret()
      const id = client.id ?? ""
      const revoked = await this.pick(this.alive).call("revoke", user, secret).then(() => true, () => false)
      if (revoked) {
        this.figures.revoked++
        Object.assign(eve, { revoked: subscription, id, from: this.secrets + 1 })
      }
      await this.publishSecret()
      await sleep(20)
      await client.unsubscribe(secret, null).catch(() => {})
    }
  }

  private publishSecret(): Promise<unknown> {
    return this.pick(this.alive).call("publish", secret, ++this.secrets).catch(() => {})
  }

  get faults(): Readonly<Record<string, Topology.Fault>> {
    const pause = (least: number, most: number): Promise<void> => sleep(least + this.dice() * (most - least))
    return {
      ...this.topology.faults,
      "a node dies": async () => {
        const node = this.pick(this.nodes)
        await this.killNode(node)
        await this.startNode(node)
      },
      "a node freezes": async () => {
        const { child } = this.pick(this.nodes)
        child?.signal("SIGSTOP")
        await pause(100, 1_100)
        child?.signal("SIGCONT")
      },
      "clients are cut off": async () => {
        this.balancer?.cut(() => this.dice() < 0.5)
        await sleep(50)
      }
    }
  }

  /**
   * A message on every path that is confirmed, and waits until every reader has it; whether all came back. If it is lost,
   * and told as a gap, as Sentinels have chosen another master just then, the next one counts.
   */
  async fence(): Promise<boolean> {
    const deadline = Date.now() + patience
    for (const ledger of this.ledgers) {
      for (let isHeard = false; !isHeard;) {
        const before = ledger.readers.map(({ length }) => length)
        const last = await this.publish(ledger)
        const isSettled = (): boolean => last === undefined || ledger.settled(last, before) || Date.now() > deadline
        while (!isSettled()) {
          await sleep(10)
        }
        if (Date.now() > deadline) {
          return false
        }
        isHeard = last !== undefined && ledger.heardByAll(last)
        await sleep(last === undefined ? 20 : 0)
      }
    }
    return true
  }

  /** Waits until all nodes and clients agree on who is present. */
  async settle(): Promise<void> {
    this.figures.ghosts += await this.attendance.agree(() =>
      this.alive.map((child) => child.call("present", room).then((names) => names as ReadonlyArray<string>, () => []))
    )
  }

  ids(): Promise<ReadonlyArray<unknown>> {
    return Promise.all(this.alive.map((child) => child.call("id").catch(String)))
  }

  /** What has become of everything so far. */
  account(): Ledgers.Figures {
    const figures = this.ledgers.map((ledger) => ledger.account()).reduce(Ledgers.add)
    for (const { heard } of this.older) {
      for (const [key, numbers] of heard) {
        const ledger = this.ledgers.find(({ path }) => key.startsWith(`${path} `))
        // Nobody can tell it that an order ends.
        const known = numbers.filter((n) => ledger?.confirmed.has(n) && ledger.splitOf(n) === undefined)
        figures.duplicated += numbers.length - new Set(numbers).size
        figures.disordered += known.filter((n, index) => index > 0 && n < (known[index - 1] ?? 0)).length
      }
    }
    figures.flaps += this.attendance.watchers.reduce((sum, { flaps }) => sum + flaps.length, 0)
    return Ledgers.add(figures, this.figures)
  }

  async stop(): Promise<void> {
    this.publishing = false
    await this.attendance.stop()
    await Promise.all(this.clients.map((client) => client.disconnect()))
    await Promise.all(this.older.map(({ client }) => client.disconnect()))
    this.balancer?.stop()
    await Promise.all(this.nodes.map((node) => this.killNode(node)))
  }
}

/** Runs rounds of faults, and returns what became of the messages. */
export const run = async (options: Options): Promise<Shares> => {
  const topology = await Topology.start(options.kind, nodeCount)
  const stage = new Stage(topology, options)
  try {
    await stage.start()
    const names = Object.keys(stage.faults).filter((name) => options.fault === undefined || name === options.fault)
    if (names.length === 0) {
      throw new Error(`No such fault: there are ${Object.keys(stage.faults).join("; ")}`)
    }
    const shares: Shares = new Map()
    let before = stage.account()
    for (let round = 1; round <= options.rounds; round++) {
      // Every fault has its turn, in an order of its own.
      const fault = names[(round + options.seed) % names.length] ?? ""
      const firsts = stage.ledgers.map(({ next }) => next)
      await stage.attendance.come(round)
      stage.publishing = true
      const publishers = [
        ...stage.ledgers.map((ledger) => stage.publishOn(ledger)),
        stage.publishToUsers(),
        stage.publishSecrets()
      ]
      await stage.flow()
      await sleep(stage.dice() * 100)
      const politely = stage.dice() < 0.5
      const leaving = sleep(stage.dice() * 200).then(() => stage.attendance.leave(politely))
      await stage.faults[fault]?.(stage.dice)
      await leaving
      await sleep(stage.dice() * 100)
      stage.publishing = false
      await Promise.all(publishers)
      const from = performance.now()
      if (!await stage.fence()) {
        stage.figures.unhealed++
      }
      await stage.settle()
      if (topology.isSplit()) {
        stage.ledgers.forEach(({ next, splits }, n) => splits.push([firsts[n] ?? next, next]))
      }
      const longest = performance.now() - from
      const all = stage.account()
      const figures = Ledgers.subtract(all, before)
      before = all
      count(shares, fault, { rounds: 1, figures, longest })
      options.report?.(`${options.kind} ${round}, ${fault}: ${line(figures)}`)
      if (figures.ghosts > 0) {
        options.report?.(`listed: ${stage.attendance.lists.map((list) => list.join()).join("; ")}`)
      }
      if (figures.flaps > 0) {
        options.report?.(`flapped: ${stage.attendance.watchers.map(({ flaps }) => flaps.slice(-3).join()).join("; ")}`)
      }
      if (figures.missing + figures.disordered + figures.duplicated + figures.unhealed > 0) {
        const lacking = stage.ledgers.flatMap((ledger, n) => ledger.lacking(firsts[n] ?? 0))
        ;[...lacking, ...topology.describe(), `nodes: ${(await stage.ids()).join()}`]
          .forEach((each) => options.report?.(each))
      }
    }
    return shares
  } finally {
    await stage.stop()
    await topology.stop()
  }
}

const columns = [
  "what happens",
  "rounds",
  "published",
  "failed",
  "recovered",
  "gaps told",
  "all back within",
  "ghosts",
  "flaps",
  "broken promises"
]

const cells = (fault: string, { figures, longest, rounds }: Share): ReadonlyArray<string> => [
  fault,
  ...[rounds, figures.published, figures.failed, figures.recovered, figures.gaps].map((n) => n.toLocaleString("en")),
  `${(longest / 1_000).toFixed(1)} s`,
  figures.ghosts.toLocaleString("en"),
  figures.flaps.toLocaleString("en"),
  Ledgers.broken(figures).toLocaleString("en")
]

/** A row for each kind of fault, in Markdown; `total` is the last. */
export const table = (shares: Shares, total: Share): string => {
  const rows = [...shares, ["all", total] as const].map(([fault, share]) => cells(fault, share))
  const widths = columns.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const render = (row: ReadonlyArray<string>, fill = " "): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`
  return [columns, columns.map(() => "-"), ...rows].map((row, n) => render(row, n === 1 ? "-" : " ")).join("\n")
}

/** The figures in one line. */
export const line = (figures: Ledgers.Figures): string =>
  `published ${figures.published}, failed ${figures.failed}, delivered ${figures.delivered}, ` +
  `recovered ${figures.recovered}, gaps reported ${figures.gaps}, revoked ${figures.revoked}; ` +
  `missing without a gap ${figures.missing}, duplicated ${figures.duplicated}, out of order ${figures.disordered}, ` +
  `wrong user ${figures.wrongUser}, after a revoke ${figures.afterRevoke}, unhealed ${figures.unhealed}, ghosts ${figures.ghosts}, flaps ${figures.flaps}`
