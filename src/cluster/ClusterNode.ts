/**
 * One node's place in a cluster on Redis.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { BrokerEvent } from "../redis/BrokerEvent.js"
import * as Metrics from "../redis/Metrics.js"
import type { Options } from "../redis/Options.js"
import { RedisClaims } from "../redis/RedisClaims.js"
import * as RedisConnection from "../redis/RedisConnection.js"
import * as Scripts from "../redis/Scripts.js"
import type { Membership, Node, Tally } from "../server/Broker.js"
import type { Command, Publish } from "../server/Command.js"
import type { Bounds } from "../server/recovery/Bounds.js"
import type { Page, Since } from "../server/recovery/History.js"
import { Channels } from "./Channels.js"
import * as ClusterCodec from "./ClusterCodec.js"
import { Survey } from "./Survey.js"

// How long a connection counts for its user without being renewed, and how often it is (ms).
const lease = 30_000
const renewal = "10 seconds"

// How long the nodes' answers are waited for (ms).
const patience = 1_000

// How much longer than its updates the state of a path is kept, so that an idle path does not begin anew (ms).
const stateAge = 24 * 60 * 60 * 1_000

// How long after a history could not be read it is tried again, though Redis is there (ms): twice as long each time.
const firstRetry = 250
const lastRetry = 10_000

const away = (): Error => new Error("Not connected to Redis")

/**
 * A member.
 *
 * @since 0.1.0
 * @category models
 */
export class ClusterNode {
  private link: RedisConnection.RedisConnection | undefined
  private channels: Channels | undefined
  /** Scopes in which this node takes part. */
  private users = 0
  private inFlight = 0
  private downSince: number | undefined
  /** Whether Redis has been reached since the link was opened. */
  private known = false
  private readonly census = new Survey(patience)
  private readonly claims: RedisClaims
  private readonly prefix: string
  private readonly own: ReadonlyArray<string>
  private again: NodeJS.Timeout | undefined
  private retryDelay = firstRetry
  private failedAt = 0
  private ready = Latch.makeUnsafe()

  constructor(
    private readonly node: Node,
    private readonly options: Options,
    /** Of the registry in which the metrics are. */
    private readonly context: Context.Context<never>,
    private readonly happened: (event: BrokerEvent) => void
  ) {
    this.prefix = options.prefix ?? "nes"
    // What is in braces decides on which server of a Redis Cluster a key or a sharded channel is.
    this.own = [this.everyone, this.inbox(node.id)]
    this.claims = new RedisClaims(() => this.link, (user) => `${this.prefix}:user:{${user}}`, lease)
  }

  /** What the server is given. */
  get membership(): Membership {
    return {
      send: (command) => this.send(command),
      history: { read: (path, since, bounds) => this.read(path, since, bounds) },
      count: (path) => this.count(path),
      interest: (path) => this.channels?.follow(path),
      claims: this.claims,
      open: this.open
    }
  }

  private get everyone(): string {
    return `${this.prefix}:all:{all}`
  }

  private inbox(id: string): string {
    return `${this.prefix}:node:{${id}}`
  }

  private channel(path: string): string {
    return `${this.prefix}:path:{${path}}`
  }

  // Life

  // A node starts without Redis, but gives it the time to answer first.
  private readonly open: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() => {
    const timeout = this.options.timeout ?? 5_000
    const enter = Effect.sync(() => this.users++ === 0 && this.connect(timeout))
    const leave = Effect.suspend(() => --this.users === 0 ? Effect.promise(() => this.close()) : Effect.void)
    return Effect.acquireRelease(enter, () => leave).pipe(
      Effect.andThen(Effect.forkScoped(Effect.schedule(this.upkeep, Schedule.spaced(renewal)))),
      Effect.andThen(Effect.timeoutOption(this.ready.await, timeout)),
      Effect.asVoid
    )
  })

  private readonly upkeep = Effect.sync(() => {
    if (this.link?.isUp) {
      this.claims.renew()
      this.channels?.revive()
      this.revive()
    }
  })

  private connect(timeout: number): void {
    const link = RedisConnection.open(this.options, timeout, {
      up: () => void this.up(link),
      down: (error) => this.down(error)
    })
    this.link = link
    this.channels = new Channels(link, (path) => this.channel(path), this.node.listens, this.hear)
  }

  private async close(): Promise<void> {
    const { link } = this
    clearTimeout(this.again)
    this.again = undefined
    this.link = undefined
    this.channels = undefined
    this.known = false
    this.downSince = undefined
    this.ready = Latch.makeUnsafe()
    Metrics.connected.updateUnsafe(0, this.context)
    await link?.close()
  }

  private async up(link: RedisConnection.RedisConnection): Promise<void> {
    try {
      await Promise.all(this.own.map((channel) => link.subscribe(channel, this.hear)))
    } catch (error) {
      this.down(error)
      return
    }
    this.back()
    this.failedAt = 0
    this.claims.renew()
    this.channels?.revive()
    this.revive()
    this.ready.openUnsafe()
  }

  // Of a cluster's servers each comes back by itself, without all of Redis having been away.
  private back(): void {
    const { downSince } = this
    if (downSince === undefined && this.known) {
      return
    }
    const outage = downSince === undefined ? 0 : Date.now() - downSince
    if (downSince !== undefined) {
      this.node.log(["nes", "broker", "up"], `Redis is back after ${outage} ms`)
    }
    this.downSince = undefined
    this.known = true
    Metrics.connected.updateUnsafe(1, this.context)
    this.happened(BrokerEvent.Up({ outage }))
  }

  private down(error: unknown): void {
    if (this.downSince === undefined) {
      this.downSince = Date.now()
      Metrics.connected.updateUnsafe(0, this.context)
      Metrics.outages.updateUnsafe(1, this.context)
      this.node.log(["nes", "broker", "error"], error)
      this.happened(BrokerEvent.Down({ error }))
    }
  }

  // Outgoing

  private send(command: Command): Promise<void> {
    if (command.type === "publish") {
      return command.recovery ? this.keep(command, command.recovery) : this.publish(command)
    }
    const { node } = this
    if (command.type !== "broadcast" && "socket" in command.target) {
      const owner = command.target.socket.slice(0, command.target.socket.lastIndexOf(":"))
      if (owner !== node.id) {
        this.share(this.inbox(owner), command)
        return Promise.resolve()
      }
    } else {
      this.share(this.everyone, command)
    }
    return node.deliver(command)
  }

  private publish(command: Publish): Promise<void> {
    const text = this.share(this.channel(command.path), command)
    return this.node.deliver(text === undefined ? command : { ...command, text })
  }

  // Best effort: what does not get through is counted and told, and does not hold up this node. Returns the text of a
  // published message, so that it is made only once.
  private share(channel: string, command: Command): string | undefined {
    let text: string | undefined
    let payload: string
    try {
      text = command.type === "publish" ? JSON.stringify(command.message) : undefined
      payload = ClusterCodec.encode(this.node.id, command, text)
    } catch (error) {
      this.unshared(command, error)
      return text
    }
    this.command((link) => link.command(channel, [link.publish, channel, payload])).catch((error: unknown) =>
      this.unshared(command, error)
    )
    return text
  }

  private unshared({ type }: Command, error: unknown): void {
    Metrics.unshared.updateUnsafe(1, this.context)
    this.happened(BrokerEvent.Unshared({ type, error }))
  }

  private async command<A>(run: (link: RedisConnection.RedisConnection) => Promise<A>): Promise<A> {
    const { link } = this
    if (!link?.isUp) {
      throw away()
    }
    if (this.inFlight >= (this.options.maxInFlight ?? 10_000)) {
      throw new Error("Too many commands are on their way to Redis")
    }
    this.inFlight++
    try {
      return await run(link)
    } finally {
      this.inFlight--
    }
  }

  // History

  private async keep(command: Publish, bounds: Bounds): Promise<void> {
    const { path, text } = command
    const payload = ClusterCodec.encode(this.node.id, command, text)
    const channel = this.channel(path)
    const [epoch, offset] = await this.command((link) =>
      Scripts.append.run(
        link,
        [...this.keys(path), channel],
        [...this.terms(bounds), payload, bounds.size, link.publish]
      )
    ) as readonly [string, number]
    await this.node.deliver({ ...command, position: { epoch, offset } })
  }

  private async read(path: string, since: Since | undefined, bounds: Bounds): Promise<Page> {
    const [epoch, start, top, entries] = await this.reading((link) =>
      Scripts.read.run(link, this.keys(path), [
        ...this.terms(bounds),
        since ? since.epoch ?? "" : "-",
        since?.offset ?? 0
      ])
    ) as readonly [string, number, number, ReadonlyArray<string>]
    return { epoch, start, top, updates: entries.map(ClusterCodec.decodeKept) }
  }

  // A server that has just started answers with errors while it loads its data.
  private async reading(run: (link: RedisConnection.RedisConnection) => Promise<unknown>): Promise<unknown> {
    try {
      return await this.command(run)
    } catch (error) {
      if (this.link?.isUp) {
        this.again ??= this.retry()
      }
      throw error
    }
  }

  // All histories are read again: a path that cannot be read for long must not have the others read all the time.
  private retry(): NodeJS.Timeout {
    const now = Date.now()
    this.retryDelay = now - this.failedAt > 2 * lastRetry ? firstRetry : Math.min(2 * this.retryDelay, lastRetry)
    this.failedAt = now
    return setTimeout(() => {
      this.again = undefined
      this.revive()
    }, this.retryDelay)
  }

  private revive(): void {
    for (const path of this.node.followed()) {
      void this.node.refresh(path)
    }
  }

  private keys(path: string): ReadonlyArray<string> {
    return [`${this.prefix}:state:{${path}}`, `${this.prefix}:kept:{${path}}`]
  }

  private terms({ age }: Bounds): ReadonlyArray<string | number> {
    return [randomBytes(6).toString("hex"), this.options.durable ? 1 : 0, age, Math.max(stateAge, 2 * age)]
  }

  // Counting

  private count(path: string | undefined): Promise<Tally> {
    const { node } = this
    const channel = path === undefined ? this.everyone : this.channel(path)
    return this.census.take(node.count(path), async (id) => {
      const payload = ClusterCodec.question(node.id, { type: "count", id, path })
      const heard = await this.command((link) => link.command(channel, [link.publish, channel, payload]))
      return Number(heard) - (path === undefined || this.channels?.has(path) ? 1 : 0)
    })
  }

  // Incoming

  private readonly hear = (payload: string): void => {
    // Anybody can publish anything: what is thrown into the client library's parser would leave this node deaf.
    try {
      this.obey(ClusterCodec.decode(payload))
    } catch (error) {
      this.node.log(["nes", "broker", "error"], error)
    }
  }

  private obey({ from, said }: ClusterCodec.Heard): void {
    switch (said.type) {
      case "count":
        return from === this.node.id ? undefined : this.reply(from, said)
      case "counted":
        return this.census.answered(said.id, said.count)
      case "publish":
        return said.position || from !== this.node.id ? this.carryOut(said) : undefined
      default:
        return from === this.node.id ? undefined : this.carryOut(said)
    }
  }

  private carryOut(command: Command): void {
    this.node.deliver(command).catch((error: unknown) => this.node.log(["nes", "broker", "error"], error))
  }

  private reply(to: string, { id, path }: ClusterCodec.Question): void {
    const channel = this.inbox(to)
    const payload = ClusterCodec.reply(this.node.id, { type: "counted", id, count: this.node.count(path) })
    this.command((link) => link.command(channel, [link.publish, channel, payload])).catch(ignore)
  }
}

const ignore = (): void => {}
