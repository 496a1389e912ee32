/** One node's place in a cluster. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Message from "../protocol/Message.js"
import * as Thrown from "../protocol/Thrown.js"
import { type Answers, BrokerError, type Health, type Membership, type Node, type Tally } from "../server/Broker.js"
import type { Broadcast, Command, Publish, Published } from "../server/Command.js"
import { monotonic } from "../server/connection/Deadlines.js"
import * as MessageText from "../server/MessageText.js"
import type { Bounds } from "../server/recovery/Bounds.js"
import * as Epoch from "../server/recovery/Epoch.js"
import type { History, Page, Since } from "../server/recovery/History.js"
import { Appender } from "./Appender.js"
import { Balance, type BalanceOptions } from "./Balance.js"
import { single } from "./Batches.js"
import { BrokerEvent } from "./BrokerEvent.js"
import { Channels } from "./Channels.js"
import { ClusterClaims } from "./ClusterClaims.js"
import * as ClusterCodec from "./ClusterCodec.js"
import { ClusterOnce } from "./ClusterOnce.js"
import { ClusterPresence } from "./ClusterPresence.js"
import { type Channel, type Engine, type Kept, Refused, type Session } from "./Engine.js"
import type { Host } from "./Host.js"
import * as Metrics from "./Metrics.js"
import * as Orders from "./Orders.js"
import * as Roster from "./Roster.js"
import { Survey } from "./Survey.js"
import * as Timer from "./Timer.js"

// How often connections are counted in again, so that the engine does not forget them (ms).
const claimInterval = 20 * 60 * 1_000

// How long after something could not be read, or the node could not join, it is tried again though the engine is there
// (ms): twice as long each time.
const firstRetry = 250
const lastRetry = 10_000

// What is heard before the node has carried out what it missed waits; more than this is lost, as it was before.
const maxHeard = 10_000

export interface ClusterOptions {
  readonly timeout: number
  readonly maxInFlight: number
  readonly balance?: BalanceOptions | undefined
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined
}

/** As a `Membership`, what the node asks of the others; what they ask of it comes through `hear`. */
export class ClusterNode implements Membership, Host {
  private opened: Session | undefined
  /** Scopes in which this node takes part. */
  private users = 0
  private inFlight = 0
  private downSince: number | undefined
  private downBecause: unknown
  /** Whether the engine has been reached since the session was opened. */
  private known = false
  /** Whether all orders have been carried out, so that it may deliver. */
  private joined = false
  /** When it was with the engine last, and when again (ms). */
  private joinedAt = -Infinity
  backAt = -Infinity
  /** When the engine has been heard last, and when before it went down last (ms). */
  private heardAt = 0
  private leftAt: number | undefined
  private joining: Promise<void> = Promise.resolve()
  private joins = 0
  private waiting: Array<string> = []
  private refusedSince: number | undefined
  private renewedAt = 0
  /** When its last sign of life was answered (ms), by the clock that goes on while the machine sleeps. */
  private beatAt = -Infinity
  /** How long the engine took to answer the last sign of life (ms). */
  private latency: number | undefined
  private retryDelay = firstRetry
  private cancelRetry: (() => void) | undefined
  private ready = Latch.makeUnsafe()
  private readonly clock: Clock.Clock
  readonly after: Timer.After
  private readonly survey: Survey
  private readonly roster: Roster.Roster
  private readonly channels = new Channels(this)
  private readonly orders: Orders.Orders
  private readonly appender: Appender
  private readonly balance: Balance | undefined
  readonly claims = new ClusterClaims(this)
  readonly presences = new ClusterPresence(this)
  readonly once = new ClusterOnce(this)
  readonly history: History = {
    read: (path, since, bounds, at) => this.read(path, since, bounds, at),
    clear: (path) => this.command((session) => session.clear(path)),
    failed: (path) => this.failed(path)
  }
  readonly interest = (path: string): Promise<void> | undefined => this.channels.follow(path)

  constructor(
    readonly node: Node,
    private readonly engine: Engine,
    private readonly options: ClusterOptions,
    /** Of the clock, and of the registry in which the metrics are. */
    private readonly context: Context.Context<never>,
    private readonly happened: (event: BrokerEvent) => void
  ) {
    this.clock = Context.get(context, Clock.Clock)
    this.after = Timer.make(context)
    this.survey = new Survey(this.after)
    this.roster = new Roster.Roster(node.id, () => this.now())
    this.orders = new Orders.Orders(this)
    this.appender = new Appender(
      options.maxInFlight,
      (batches, bounds) => this.run((session) => session.append(batches, bounds))
    )
    this.balance = options.balance && new Balance(options.balance, () => this.now())
    Metrics.begin(context)
  }

  now(): number {
    return monotonic(this.clock)
  }

  areBack(): boolean {
    return this.joined && this.roster.areBack(this.joinedAt)
  }

  peers(): Promise<ReadonlyArray<Roster.Peer>> {
    return this.roster.beat(this.session(), undefined)
  }

  // A node starts without its engine, but gives it the time to answer first.
  readonly open: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() => {
    const enter = Effect.sync(() => this.users++ === 0 && this.connect())
    const leave = Effect.suspend(() => --this.users === 0 ? Effect.promise(() => this.close()) : Effect.void)
    return Effect.acquireRelease(enter, () => leave).pipe(
      Effect.andThen(Effect.forkScoped(Effect.schedule(this.upkeep, Schedule.spaced(Roster.interval)))),
      Effect.andThen(Effect.timeoutOption(this.ready.await, this.options.timeout)),
      Effect.asVoid
    )
  })

  private connect(): void {
    this.presences.begin()
    this.opened = this.engine.open({
      up: () => {
        this.joining = this.join()
      },
      down: (error) => this.down(error),
      heard: this.hear
    })
  }

  private async close(): Promise<void> {
    const { opened: session } = this
    this.appender.flush()
    this.cancelRetry?.()
    this.cancelRetry = undefined
    if (session?.isUp && this.node.serves) {
      const payload = ClusterCodec.encode(this.node.id, { type: "left" })
      void session.leave(this.node.id).catch(ignore)
      void session.publish("all", "all", payload).catch(ignore)
    }
    this.opened = undefined
    this.waiting = []
    this.channels.reset()
    this.orders.done = undefined
    this.joined = false
    this.known = false
    this.downSince = undefined
    this.ready = Latch.makeUnsafe()
    Metrics.connected.updateUnsafe(0, this.context)
    await session?.close()
  }

  // Orders come first: until they have been carried out, nothing that others publish is delivered.
  private async join(): Promise<void> {
    const join = ++this.joins
    const superseded = (): boolean => join !== this.joins || !this.opened?.isUp
    this.left()
    this.channels.reset()
    try {
      const session = this.session()
      await session.subscribe("node", [this.node.id])
      if (this.node.serves) {
        await session.subscribe("all", ["all"])
        await session.subscribe("path", [Orders.path])
        await this.orders.catchUp()
      }
      // An engine that may only be read from still tells what others publish.
      await this.orders.resend().catch(ignore)
    } catch (error) {
      if (!superseded()) {
        this.down(error)
        this.later()
      }
      return
    }
    if (superseded()) {
      return
    }
    this.joined = true
    this.joinedAt = this.now()
    this.backAt = this.known ? this.joinedAt : this.backAt
    this.renewedAt = -Infinity
    this.waiting.splice(0).forEach(this.hear)
    await this.beat()
    this.back()
    this.ready.openUnsafe()
    void this.channels.catchUp()
    this.node.presence?.()?.renew(true)
    this.once.renew()
  }

  // Of a cluster's servers each comes back by itself, without all of the engine having been away.
  private back(): void {
    const { downSince } = this
    if (downSince === undefined && this.known) {
      return
    }
    const outage = downSince === undefined ? 0 : this.now() - downSince
    if (downSince !== undefined) {
      this.node.log(["nes", "broker", "up"], `${this.engine.name} is back after ${outage} ms`)
    }
    this.downSince = undefined
    this.known = true
    Metrics.connected.updateUnsafe(1, this.context)
    this.happened(BrokerEvent.Up({ outage }))
  }

  private left(): void {
    this.leftAt = this.joined ? this.heardAt : this.leftAt
    this.joined = false
  }

  private down(error: unknown): void {
    this.downBecause = error
    this.left()
    this.waiting = []
    this.channels.reset()
    if (this.downSince === undefined) {
      this.downSince = this.now()
      Metrics.connected.updateUnsafe(0, this.context)
      Metrics.outages.updateUnsafe(1, this.context)
      const why = Thrown.text(error)
      const message = `${this.engine.name} is away (${why}): clients stay connected, what needs other nodes fails`
      this.node.log(["nes", "broker", "error"], new BrokerError({ message, cause: error }))
      this.happened(BrokerEvent.Down({ error }))
    }
  }

  // What waits for the engine shows while it waits.
  private readonly upkeep = Effect.sync(() => {
    Metrics.inFlight.updateUnsafe(this.inFlight + this.appender.waiting, this.context)
    Metrics.catchingUp.updateUnsafe(this.channels.missing, this.context)
    this.lookAfter().catch(ignore)
  })

  private readonly lookAfter = single(async () => {
    if (this.joined) {
      await this.beat()
      if (this.orders.isBehind) {
        await this.orders.catchUp().catch(ignore)
      }
      await this.orders.resend().catch(ignore)
      void this.channels.catchUp()
      // While the engine was away, nobody could give a sign of life.
      await this.presences.tend(this.roster.peers, this.now() - this.joinedAt > Roster.lease).catch(ignore)
      await this.once.tend()
      await this.channels.stroll()
    }
  })

  private async beat(): Promise<void> {
    if (!this.node.serves) {
      return
    }
    const { node, orders } = this
    const from = performance.now()
    try {
      const state = { connections: node.connections(), done: orders.done }
      const peers = await this.run((session) => this.roster.beat(session, state))
      this.latency = performance.now() - from
      Metrics.latency.updateUnsafe(this.latency, this.context)
      this.accept()
      Metrics.nodes.updateUnsafe(peers.filter((peer) => peer.alive).length, this.context)
      const excess = this.balance?.excess(node.id, peers) ?? 0
      if (excess > 0) {
        void node.shed(excess, Roster.interval)
      }
      // The wall's time goes on while the machine is suspended.
      const at = this.clock.currentTimeMillisUnsafe()
      if (this.now() - this.renewedAt > claimInterval) {
        this.renewedAt = this.now()
        void this.claims.renew()
        node.presence?.()?.renew(true)
      } else if (at - this.beatAt > Roster.lease) {
        // Others may have counted its connections out. That its presences are gone is found elsewhere.
        void this.claims.renew()
      }
      this.beatAt = at
    } catch {
      // What it means is said where the command is given.
    }
  }

  readonly send = (command: Command): Promise<void> => {
    switch (command.type) {
      case "publish":
        return command.recovery ? this.keep(command, command.recovery) : this.publish(command)
      case "broadcast":
        return this.share("all", "all", command)
      case "revoke":
      case "disconnect":
        return this.order(command)
    }
  }

  private publish(command: Publish): Promise<void> {
    const text = command.text ?? MessageText.orNone(command.message)
    return this.share("path", command.path, text === undefined ? command : { ...command, text })
  }

  // This node does its part at once, whatever becomes of the others'.
  private async order(order: Orders.Order): Promise<void> {
    const own = this.node.deliver(order)
    if ("user" in order.target || Orders.ownerOf(order.target.socket) !== this.node.id) {
      try {
        await this.orders.give(order)
      } catch (error) {
        this.refused(error)
        this.unshared(order, error)
        throw toBrokerError(error)
      }
    }
    await own
  }

  // Best effort, where there are clients: what does not get through is counted and told, and does not hold up those here.
  private share(channel: "path" | "all", name: string, command: Publish | Broadcast): Promise<void> {
    const sharing = this.run((session) => session.publish(channel, name, ClusterCodec.encode(this.node.id, command)))
    const shared = sharing.then(ignore, (error: unknown) => {
      this.unshared(command, error)
      if (!this.node.serves) {
        throw toBrokerError(error)
      }
    })
    return this.node.serves ? this.node.deliver(command) : shared
  }

  private unshared({ type }: Command, error: unknown): void {
    Metrics.unshared.updateUnsafe(1, this.context)
    this.happened(BrokerEvent.Unshared({ type, error }))
  }

  session(): Session {
    const { opened: session } = this
    if (!session?.isUp) {
      const reason = this.downBecause === undefined ? "" : `: ${reasonOf(this.downBecause)}`
      throw new Error(`Not connected to ${this.engine.name}${reason}`, { cause: this.downBecause })
    }
    return session
  }

  private async run<A>(run: (session: Session) => Promise<A>): Promise<A> {
    const session = this.session()
    if (this.inFlight >= this.options.maxInFlight) {
      throw new Error(`Too many commands are on their way to ${this.engine.name}`)
    }
    this.inFlight++
    try {
      return await run(session)
    } catch (error) {
      this.refused(error)
      throw error
    } finally {
      this.inFlight--
    }
  }

  command<A>(run: (session: Session) => Promise<A>): Promise<A> {
    return this.run(run).catch((error: unknown) => Promise.reject(toBrokerError(error)))
  }

  private say(channel: Channel, name: string, word: ClusterCodec.Word): Promise<number> {
    return this.command((session) => session.publish(channel, name, ClusterCodec.encode(this.node.id, word)))
  }

  private refused(error: unknown): void {
    if (error instanceof Refused && this.refusedSince === undefined) {
      this.refusedSince = this.now()
      Metrics.refusing.updateUnsafe(1, this.context)
      this.node.log(["nes", "broker", "error"], error)
      this.happened(BrokerEvent.Refusing({ error }))
    }
  }

  private accept(): void {
    if (this.refusedSince !== undefined) {
      const refusal = this.now() - this.refusedSince
      this.refusedSince = undefined
      Metrics.refusing.updateUnsafe(0, this.context)
      this.node.log(["nes", "broker", "up"], `${this.engine.name} writes again after ${refusal} ms`)
      this.happened(BrokerEvent.Accepting({ refusal }))
    }
  }

  private async keep(command: Publish, bounds: Bounds): Promise<void> {
    const { path } = command
    const payload = ClusterCodec.encode(this.node.id, command)
    let position: Published["position"]
    try {
      if (!this.joined) {
        await this.joining
        this.session()
      }
      position = await this.appender.keep(path, payload, bounds, bounds.state !== undefined && !command.user)
    } catch (error) {
      this.refused(error)
      Metrics.unkept.updateUnsafe(1, this.context)
      throw toBrokerError(error)
    }
    this.heardAt = this.now()
    if (this.node.serves) {
      const update: Published = { ...command, position, confirmed: true }
      await this.node.deliver(update)
    }
  }

  private async read(
    path: string,
    since: Since | undefined,
    bounds: Bounds,
    at: Message.Position | undefined
  ): Promise<Page> {
    Metrics.reads.updateUnsafe(1, this.context)
    const read = (): Promise<Kept> => this.command((session) => session.read(path, since, bounds))
    const first = await read()
    const { leftAt } = this
    // Of two servers that both counted as the first, others may have been with this one already.
    const isSevered = at && leftAt !== undefined && first.top > 0 && !Epoch.isOfSameRun(at.epoch, first.epoch) &&
      await this.command((session) => session.sever(path, Math.max(0, this.now() - leftAt)))
    const { entries, epoch, last, start, top } = isSevered ? await read() : first
    return {
      epoch,
      start,
      top,
      updates: entries.map((entry) => ClusterCodec.decodeUpdate(entry, epoch)),
      last: last === undefined ? undefined : ClusterCodec.decodeUpdate(last, epoch)
    }
  }

  // A server that has just started answers with errors while it loads its data.
  private failed(path: string): void {
    this.channels.failed(path)
    if (this.opened?.isUp) {
      this.later()
    }
  }

  private later(): void {
    this.cancelRetry ??= this.after(this.retryDelay, () => {
      this.cancelRetry = undefined
      if (!this.joined && this.opened?.isUp) {
        this.joining = this.join()
      }
      this.retryDelay = this.channels.retry() ? Math.min(2 * this.retryDelay, lastRetry) : firstRetry
    })
  }

  readonly count = async (path: string | undefined): Promise<Tally> => {
    const { node } = this
    const { answers, silent } = await this.survey.take(async (id) => {
      const heard = await this.say(path === undefined ? "all" : "path", path ?? "all", { type: "count", id, path })
      return heard - Number(path === undefined ? node.serves : this.channels.has(path))
    })
    const counts = [...Array.from(answers.values(), Number), ...node.serves ? [node.count(path)] : []]
    return { total: counts.reduce((sum, count) => sum + count, 0), nodes: counts.length, silent }
  }

  readonly ask = async (question: unknown): Promise<Answers> => {
    const { node } = this
    const others = this.survey.take(async (id) => await this.say("all", "all", { type: "ask", id, question }) - 1)
      .then(({ answers }) => answers, () => new Map<string, unknown>())
    const [own, heard] = await Promise.all([node.answer?.(question), others])
    const answers = new Map(Array.from(heard).concat([[node.id, own]]).filter(([, answer]) => answer !== undefined))
    const known = new Set([node.id, ...heard.keys(), ...this.roster.peers.map(({ node }) => node)])
    return { answers, silent: Array.from(known).filter((id) => !answers.has(id)) }
  }

  readonly health = (): Health => ({
    name: this.engine.name,
    connected: this.joined,
    latency: this.latency,
    counts: {
      "commands under way": this.inFlight + this.appender.waiting,
      "paths catching up": this.channels.missing,
      outages: Metrics.outages.valueUnsafe(this.context).count,
      "commands not shared": Metrics.unshared.valueUnsafe(this.context).count,
      "updates not kept": Metrics.unkept.valueUnsafe(this.context).count,
      refusing: this.refusedSince === undefined ? 0 : 1
    }
  })

  private readonly hear = (payload: string): void => {
    // Anybody can publish anything: what is thrown into the client library's parser would leave this node deaf.
    try {
      this.obey(payload)
    } catch (error) {
      this.node.log(["nes", "broker", "error"], error)
    }
  }

  private obey(payload: string): void {
    const { from, position, said } = ClusterCodec.decode(payload)
    this.heardAt = this.now()
    const own = from === this.node.id
    switch (said.type) {
      case "count":
        return own ? undefined : this.reply(from, { type: "counted", id: said.id, count: this.node.count(said.path) })
      case "counted":
        return this.survey.answered(said.id, from, said.count)
      case "ask":
        return own ? undefined : void Promise.resolve(this.node.answer?.(said.question))
          .then((answer) => this.reply(from, { type: "told", id: said.id, answer }), ignore)
      case "told":
        return this.survey.answered(said.id, from, said.answer)
      case "done":
        return this.orders.answered(from, said.position)
      case "left":
        this.roster.left(from)
        return this.orders.left(from)
      case "revoke":
      case "disconnect":
        if (!position) {
          throw new Error("An order that is not kept")
        }
        return this.orders.heard(from, said, position)
      default:
        if (!this.joined) {
          if (this.waiting.length < maxHeard) {
            this.waiting.push(payload)
          }
        } else if (position || !own) {
          this.node.deliver(said).catch((error: unknown) => this.node.log(["nes", "broker", "error"], error))
        }
    }
  }

  private reply(to: string, word: ClusterCodec.Word): void {
    this.say("node", to, word).catch(ignore)
  }
}

const ignore = (): void => {}

// Of a name with several addresses, each refuses for itself.
const reasonOf = (error: unknown): string =>
  error instanceof AggregateError ? error.errors.map(Thrown.text).join(", ") : Thrown.text(error)

const toBrokerError = (cause: unknown): BrokerError => new BrokerError({ message: Thrown.text(cause), cause })
