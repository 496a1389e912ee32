/** What an operator asks about, counted. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Limits from "../connection/Limits.js"

const counter = (
  name: string,
  description: string,
  attributes?: Readonly<Record<string, string>>
): Metric.Counter<number> => Metric.counter(name, { description, attributes, incremental: true })

const received = (type: string): Metric.Counter<number> =>
  counter("nes_server_messages_received_total", "Messages received, by type", { type })

const sent = (type: string): Metric.Counter<number> =>
  counter("nes_server_messages_sent_total", "Messages sent, by type", { type })

const counters = {
  connections: Metric.gauge("nes_server_connections", { description: "Open connections" }),
  connectionsTotal: counter("nes_server_connections_total", "Connections accepted"),
  connectionsRefused: counter("nes_server_connections_refused_total", "Connections refused"),
  authenticationsFailed: counter("nes_server_authentications_failed_total", "Hellos and reauths that were refused"),
  subscriptions: Metric.gauge("nes_server_subscriptions", { description: "Subscriptions of open connections" }),
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
  present: Metric.gauge("nes_server_present", { description: "Users present at a path because of this node" }),
  bytesReceived: counter("nes_server_bytes_received_total", "Bytes of messages received"),
  bytesSent: counter("nes_server_bytes_sent_total", "Bytes of messages written, frame headers included"),
  receivedHello: received("hello"),
  receivedReauth: received("reauth"),
  receivedRequest: received("request"),
  receivedMessage: received("message"),
  receivedSub: received("sub"),
  receivedUnsub: received("unsub"),
  receivedPing: received("ping"),
  receivedOther: received("other"),
  sentAnswer: sent("answer"),
  sentError: sent("error"),
  sentPub: sent("pub"),
  sentUpdate: sent("update"),
  sentRevoke: sent("revoke"),
  sentPing: sent("ping")
}

/** What is counted. */
type Name = keyof typeof counters

/** The totals of one server since it was made. `connections` and `subscriptions` are those there are. */
export type Totals = { [K in Name]: number }

/** The totals that messages pushed to one client are counted in. */
export const pushed = { pub: "sentPub", update: "sentUpdate", revoke: "sentRevoke" } as const satisfies Record<
  string,
  Name
>

const names = Object.keys(counters) as ReadonlyArray<Name>

const zeros = (): Totals => Object.fromEntries(names.map((name) => [name, 0])) as Totals

/** How long requests took, in ms from the message to its answer. */
const requestDuration = Metric.histogram(
  "nes_server_request_duration_ms",
  {
    description: "How long requests took (ms)",
    boundaries: Metric.exponentialBoundaries({ start: 0.25, factor: 2, count: 16 })
  }
)

/** Bytes that wait for slow clients, as the last heartbeat saw them. */
export const bufferedBytes = Metric.gauge("nes_server_buffered_bytes", {
  description: "Bytes waiting for slow clients, at the last heartbeat"
})

const limits = Object.fromEntries(
  Object.keys(Limits.exceeded()).map((limit) => [
    limit,
    counter("nes_server_limits_exceeded_total", "Limits that connections crossed, by limit", { limit })
  ])
) as Record<keyof Limits.Exceeded, Metric.Counter<number>>

/**
 * How often connections have been refused, by reason: the setting that refused them, or that the server was stopping.
 */
export type Refused = Record<
  "origin" | "verifyUpgrade" | "maxConnections" | "maxConnectionsPerAddress" | "stopping",
  number
>

const noRefusals = (): Refused => ({
  origin: 0,
  verifyUpgrade: 0,
  maxConnections: 0,
  maxConnectionsPerAddress: 0,
  stopping: 0
})

const reasons = Object.fromEntries(
  Object.keys(noRefusals()).map((reason) => [
    reason,
    counter("nes_server_refusals_total", "Connections refused, by reason", { reason })
  ])
) as Record<keyof Refused, Metric.Counter<number>>

/** Close codes that are counted by name; all others are `other`. */
const closeCodes = ["1000", "1001", "1005", "1006", "1008", "1009", "1011", "1012", "1013", "other"] as const

type Closes = Record<typeof closeCodes[number], number>

const noCloses = (): Closes => Object.fromEntries(closeCodes.map((code) => [code, 0])) as Closes

const closings = Object.fromEntries(
  closeCodes.map((
    code
  ) => [code, counter("nes_server_closes_total", "Connections that ended, by close code", { code })])
) as Record<keyof Closes, Metric.Counter<number>>

/** How late the event loop was, at worst, of late: for as long as whoever collects metrics may stay away. */
const loopLag = Metric.gauge("nes_server_event_loop_lag_ms", {
  description: "How late the event loop was, at worst, in the last 30 to 60 seconds (ms)"
})

// How often the loop is looked at, and its lag reported (ms).
const loopResolution = 20
const loopReport = 1_000

// How long its worst is remembered at least (ms).
const loopWindow = 30_000

const passOn = <K extends string>(
  metrics: Record<K, Metric.Metric<number, unknown>>,
  counted: Readonly<Record<K, number>>,
  reported: Record<K, number>,
  context: Context.Context<never>
): void => {
  for (const name in metrics) {
    const more = counted[name] - reported[name]
    if (more !== 0) {
      reported[name] += more
      metrics[name].modifyUnsafe(more, context)
    }
  }
}

const isCounted = (code: string): code is keyof Closes => (closeCodes as ReadonlyArray<string>).includes(code)

const ofType: ReadonlyMap<string, Name> = new Map<string, Name>([
  ["hello", "receivedHello"],
  ["reauth", "receivedReauth"],
  ["request", "receivedRequest"],
  ["message", "receivedMessage"],
  ["sub", "receivedSub"],
  ["unsub", "receivedUnsub"],
  ["ping", "receivedPing"]
])

/** Counts for one server. */
export class Metrics {
  /** To be added to. */
  readonly totals: Totals = zeros()
  /** How often each limit has been crossed. */
  readonly exceeded: Readonly<Limits.Exceeded>
  /** How often connections have been refused, by reason. */
  readonly refused: Readonly<Refused>
  private readonly closes = noCloses()
  private readonly reportedCloses = noCloses()
  // Whether anything was counted that seldom is: a report comes after every turn that has written something.
  private isRare = false
  private loop: ReturnType<typeof monitorEventLoopDelay> | undefined
  private loopReported = 0
  private loopBegan = performance.now()
  /** The worst of the window before. */
  private loopBefore = 0
  private readonly refusals = noRefusals()
  private readonly reportedRefused = noRefusals()
  private readonly crossings = Limits.exceeded()
  private readonly reported: Totals = zeros()
  private readonly reportedExceeded = Limits.exceeded()

  /** With `enabled` false nothing goes into the context's metrics; the totals are kept all the same. */
  constructor(
    readonly enabled: boolean,
    private readonly context: Context.Context<never>
  ) {
    this.exceeded = this.crossings
    this.refused = this.refusals
    if (enabled) {
      // Every series is there before something happens.
      for (const each of [counters, limits, reasons, closings].flatMap((group) => Object.values(group))) {
        each.modifyUnsafe(0, context)
      }
      bufferedBytes.modifyUnsafe(0, context)
      loopLag.modifyUnsafe(0, context)
      requestDuration.valueUnsafe(context)
    }
  }

  /** Looks at the event loop for as long as the server serves. */
  watch(serves: boolean): void {
    if (this.enabled && serves) {
      this.loop ??= monitorEventLoopDelay({ resolution: loopResolution })
      this.loop.enable()
    } else {
      this.loop?.disable()
    }
  }

  /** Counts a connection that has ended. */
  closed(code: number): void {
    const name = String(code)
    this.closes[isCounted(name) ? name : "other"]++
    this.isRare = true
  }

  /** Counts a connection that is not let in. */
  refuse(reason: keyof Refused): void {
    this.totals.connectionsRefused++
    this.refusals[reason]++
    this.isRare = true
  }

  /** Counts a limit that a connection has crossed. */
  exceed(limit: keyof Limits.Exceeded): void {
    this.crossings[limit]++
    this.isRare = true
  }

  /** Counts a message that was received; `undefined` for one that could not be understood. */
  received(type: string | undefined, bytes: number): void {
    const { totals } = this
    totals[(type === undefined ? undefined : ofType.get(type)) ?? "receivedOther"]++
    totals.bytesReceived += bytes
  }

  /** Counts the time a request took (ms). */
  answered(duration: number): void {
    if (this.enabled) {
      requestDuration.updateUnsafe(duration, this.context)
    }
  }

  /** Notes what waits for slow clients (bytes). */
  buffered(bytes: number): void {
    if (this.enabled) {
      bufferedBytes.updateUnsafe(bytes, this.context)
    }
  }

  /** What is known of the process besides, where it goes into the context's metrics: buckets are [up to (ms), how many]. */
  get measured() {
    return this.enabled
      ? {
        durations: requestDuration.valueUnsafe(this.context).buckets,
        buffered: bufferedBytes.valueUnsafe(this.context).value,
        loopLag: loopLag.valueUnsafe(this.context).value
      }
      : undefined
  }

  /** Passes on to Effect's metrics what has come since the last time. */
  readonly report = (): void => {
    if (!this.enabled) {
      return
    }
    passOn(counters, this.totals, this.reported, this.context)
    if (this.isRare) {
      this.isRare = false
      passOn(limits, this.exceeded, this.reportedExceeded, this.context)
      passOn(reasons, this.refused, this.reportedRefused, this.context)
      passOn(closings, this.closes, this.reportedCloses, this.context)
    }
    const now = performance.now()
    if (this.loop && now - this.loopReported > loopReport) {
      this.loopReported = now
      const lag = Math.max(0, this.loop.max / 1e6 - loopResolution)
      loopLag.updateUnsafe(Math.max(this.loopBefore, lag), this.context)
      if (now - this.loopBegan > loopWindow) {
        this.loopBegan = now
        this.loopBefore = lag
        this.loop.reset()
      }
    }
  }
}
