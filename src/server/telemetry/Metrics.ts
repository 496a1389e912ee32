/** What an operator asks about, counted in plain numbers: Effect's metrics read them when somebody looks. */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { upgradeRefusals } from "../../protocol/ErrorTexts.js"
import { getOrMake } from "../Groups.js"
import * as LimitSettings from "../LimitSettings.js"

type Series = (context: Context.Context<never>, read: () => number) => void

const ignored = { update: () => {}, modify: () => {} }

const counter =
  (name: string, description: string, attributes?: Readonly<Record<string, string>>): Series => (context, read) =>
    void Metric.registerUnsafe(Metric.counter(name, { description, attributes, incremental: true }), context, {
      ...ignored,
      get: () => ({ count: read(), incremental: true })
    })

const gauge = (name: string, description: string): Series => (context, read) =>
  void Metric.registerUnsafe(Metric.gauge(name, { description }), context, {
    ...ignored,
    get: () => ({ value: read() })
  })

const receivedOf = (type: string): Series =>
  counter("nes_server_messages_received_total", "Messages received, by type", { type })

const sent = (type: string): Series => counter("nes_server_messages_sent_total", "Messages sent, by type", { type })

const counters = {
  connections: gauge("nes_server_connections", "Open connections"),
  connectionsTotal: counter("nes_server_connections_total", "Connections accepted"),
  connectionsRefused: counter("nes_server_connections_refused_total", "Connections refused"),
  authenticationsFailed: counter("nes_server_authentications_failed_total", "Hellos and reauths that were refused"),
  subscriptions: gauge("nes_server_subscriptions", "Subscriptions of open connections"),
  heartbeatsMissed: counter(
    "nes_server_heartbeats_missed_total",
    "Connections ended because they gave no sign of life"
  ),
  updatesPublished: counter("nes_server_updates_published_total", "Updates published to a path with subscribers"),
  updatesDelivered: counter("nes_server_updates_delivered_total", "Updates written to a subscriber"),
  updatesDropped: counter("nes_server_updates_dropped_total", "Updates that passed by a client that is too slow"),
  updatesFiltered: counter("nes_server_updates_filtered_total", "Updates a filter kept from a subscriber"),
  updatesRecovered: counter("nes_server_updates_recovered_total", "Updates sent again to a client that came back"),
  gapsTold: counter("nes_server_gaps_total", "Times that a client was told that updates are lost"),
  snapshotsSent: counter("nes_server_snapshots_sent_total", "Times that a subscriber was sent how things stand"),
  present: gauge("nes_server_present", "Users present at a path because of this node"),
  bytesReceived: counter("nes_server_bytes_received_total", "Bytes of messages received"),
  bytesSent: counter("nes_server_bytes_sent_total", "Bytes of messages written, frame headers included"),
  receivedHello: receivedOf("hello"),
  receivedReauth: receivedOf("reauth"),
  receivedRequest: receivedOf("request"),
  receivedMessage: receivedOf("message"),
  receivedSub: receivedOf("sub"),
  receivedUnsub: receivedOf("unsub"),
  receivedPing: receivedOf("ping"),
  receivedOther: receivedOf("other"),
  sentAnswer: sent("answer"),
  sentError: sent("error"),
  sentPub: sent("pub"),
  sentUpdate: sent("update"),
  sentRevoke: sent("revoke"),
  sentPing: sent("ping")
}

type Name = keyof typeof counters

/** The totals of one server since it was made. `connections` and `subscriptions` are those there are. */
export type Totals = { [K in Name]: number }

export const pushed = { pub: "sentPub", update: "sentUpdate", revoke: "sentRevoke" } as const satisfies Record<
  string,
  Name
>

/** The total that a message received is counted in, by its type; those of another type are `receivedOther`. */
export const received: ReadonlyMap<string, Name> = new Map(
  (Object.keys(counters) as ReadonlyArray<Name>)
    .filter((name) => name.startsWith("received"))
    .map((name) => [name.slice("received".length).toLowerCase(), name])
)

/** To be updated in the context that `Metrics` has for it. */
export const requestDuration = Metric.histogram(
  "nes_server_request_duration_ms",
  {
    description: "How long requests took (ms)",
    boundaries: Metric.exponentialBoundaries({ start: 0.25, factor: 2, count: 16 })
  }
)

/** How often connections have been refused, by the setting that did, or as the server was stopping. */
export type Refused = Record<keyof typeof upgradeRefusals, number>

/** Close codes that are counted by name; all others are `other`. */
const closeCodes = ["1000", "1001", "1005", "1006", "1008", "1009", "1011", "1012", "1013", "other"] as const

const zeros = <K extends string>(names: ReadonlyArray<K>): Record<K, number> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>

const seriesOf = (names: ReadonlyArray<string>, make: (name: string) => Series): Readonly<Record<string, Series>> =>
  Object.fromEntries(names.map((name) => [name, make(name)]))

const groups = {
  totals: counters,
  exceeded: seriesOf(
    Object.keys(LimitSettings.exceeded()),
    (limit) => counter("nes_server_limits_exceeded_total", "Limits that connections crossed, by limit", { limit })
  ),
  refused: seriesOf(
    Object.keys(upgradeRefusals),
    (reason) => counter("nes_server_refusals_total", "Connections refused, by reason", { reason })
  ),
  closes: closeCodes.map((code) =>
    counter("nes_server_closes_total", "Connections that ended, by close code", { code })
  )
}

const bufferedBytes = gauge("nes_server_buffered_bytes", "Bytes waiting for slow clients, at the last heartbeat")

// For as long as whoever collects metrics may stay away.
const loopLag = gauge(
  "nes_server_event_loop_lag_ms",
  "How late the event loop was, at worst, in the last 30 to 60 seconds (ms)"
)

// How often the loop is looked at, and how long its worst is remembered at least (ms).
const loopResolution = 50
const loopWindow = 30_000

/** The servers that count into the same series, those that have ended included. */
interface Servers {
  readonly all: Array<Metrics>
  /** Where request durations are counted: nobody else sees what is in here. */
  readonly own: Context.Context<never>
}

const register = (context: Context.Context<never>): Servers => {
  const all: Array<Metrics> = []
  const own = Context.make(Metric.MetricRegistry, new Map())
  const sum = (of: (server: Metrics) => number): number => all.reduce((sum, server) => sum + of(server), 0)
  for (const [group, series] of Object.entries(groups)) {
    for (const [name, register] of Object.entries(series)) {
      register(context, () => sum((server) => Reflect.get(server[group as keyof typeof groups], name)))
    }
  }
  bufferedBytes(context, () => sum(({ buffered }) => buffered))
  loopLag(context, () => Math.max(0, ...all.map((server) => server.loopLag)))
  Metric.registerUnsafe(requestDuration, context, { ...ignored, get: () => requestDuration.valueUnsafe(own) })
  return { all, own }
}

const known = new WeakMap<Metric.MetricRegistry, Map<string, Servers>>()

const serversOf = (context: Context.Context<never>): Servers => {
  const registry = Context.get(context, Metric.MetricRegistry)
  const attributes = Object.entries(Context.get(context, Metric.CurrentMetricAttributes)).map(String).toSorted().join()
  return getOrMake(getOrMake(known, registry, () => new Map()), attributes, () => register(context))
}

export class Metrics {
  readonly totals: Totals = zeros(Object.keys(counters) as ReadonlyArray<Name>)
  readonly exceeded = LimitSettings.exceeded()
  readonly refused = zeros(Object.keys(upgradeRefusals) as ReadonlyArray<keyof Refused>)
  // By index: V8 keeps room for a thousand numbers in an object that has the key 1000.
  readonly closes = closeCodes.map(() => 0)
  /** In which it is counted how long requests took (ms), where that goes into the context's metrics. */
  readonly own: Context.Context<never> | undefined
  buffered = 0
  private readonly servers: Servers | undefined
  private loop: ReturnType<typeof monitorEventLoopDelay> | undefined
  private loopBegan = performance.now()
  private loopBefore = 0

  /** With `enabled` false nothing goes into the context's metrics; all is counted all the same. */
  constructor(enabled: boolean, context: Context.Context<never>) {
    this.servers = enabled ? serversOf(context) : undefined
    this.servers?.all.push(this)
    this.own = this.servers?.own
  }

  watch(serves: boolean): void {
    if (this.servers && serves) {
      this.loop ??= monitorEventLoopDelay({ resolution: loopResolution })
      this.loop.enable()
    } else {
      this.loop?.disable()
      this.loop = undefined
    }
  }

  closed(code: number): void {
    const index = closeCodes.findIndex((name) => name === String(code) || name === "other")
    this.closes[index] = (this.closes[index] ?? 0) + 1
  }

  /** How late the event loop was, at worst, of late (ms). */
  get loopLag(): number {
    const { loop, loopBefore } = this
    const lag = loop ? Math.max(0, loop.max / 1e6 - loopResolution) : 0
    const now = performance.now()
    if (now - this.loopBegan > loopWindow) {
      this.loopBegan = now
      this.loopBefore = lag
      loop?.reset()
    }
    return Math.max(loopBefore, lag)
  }

  /** What is known of the process besides, where it goes into the context's metrics: buckets are [up to (ms), how many]. */
  get measured() {
    const { buffered, loopLag, servers } = this
    return servers && { durations: requestDuration.valueUnsafe(servers.own).buckets, buffered, loopLag }
  }
}
