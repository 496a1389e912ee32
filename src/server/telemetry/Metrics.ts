/**
 * What an operator asks about, counted.
 *
 * The hot path adds to plain numbers; at the end of a turn that has written something they go into Effect's metrics. The
 * metrics are those of the process, the totals those of one server.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"
import type { Connection } from "../connection/Connection.js"
import * as Limits from "../connection/Limits.js"

const counter = (name: string, description: string, incremental = true): Metric.Metric.Counter<number> =>
  incremental ? Metric.counter(name, { description, incremental }) : Metric.counter(name, { description })

const labelled = (
  metric: Metric.Metric.Counter<number>,
  value: string,
  key = "type"
): Metric.Metric.Counter<number> => Metric.taggedWithLabels(metric, [MetricLabel.make(key, value)])

const limitsExceeded = counter("nes_server_limits_exceeded_total", "Limits that connections crossed, by limit")
const received = counter("nes_server_messages_received_total", "Messages received, by type")
const sent = counter("nes_server_messages_sent_total", "Messages sent, by type")

const counters = {
  connections: counter("nes_server_connections", "Open connections", false),
  connectionsTotal: counter("nes_server_connections_total", "Connections accepted"),
  connectionsRefused: counter("nes_server_connections_refused_total", "Connections refused: stopping, or too many"),
  authenticationsFailed: counter("nes_server_authentications_failed_total", "Hellos and reauths that were refused"),
  subscriptions: counter("nes_server_subscriptions", "Subscriptions of open connections", false),
  heartbeatsMissed: counter(
    "nes_server_heartbeats_missed_total",
    "Connections ended because they gave no sign of life"
  ),
  updatesPublished: counter("nes_server_updates_published_total", "Updates published to a path with subscribers"),
  updatesDelivered: counter("nes_server_updates_delivered_total", "Updates written to a subscriber"),
  updatesDropped: counter("nes_server_updates_dropped_total", "Updates that passed by a client that is too slow"),
  updatesFiltered: counter("nes_server_updates_filtered_total", "Updates a filter kept from a subscriber"),
  bytesReceived: counter("nes_server_bytes_received_total", "Bytes of messages received"),
  bytesSent: counter("nes_server_bytes_sent_total", "Bytes of messages written, frame headers included"),
  receivedHello: labelled(received, "hello"),
  receivedReauth: labelled(received, "reauth"),
  receivedRequest: labelled(received, "request"),
  receivedMessage: labelled(received, "message"),
  receivedSub: labelled(received, "sub"),
  receivedUnsub: labelled(received, "unsub"),
  receivedPing: labelled(received, "ping"),
  receivedOther: labelled(received, "other"),
  sentAnswer: labelled(sent, "answer"),
  sentError: labelled(sent, "error"),
  sentPub: labelled(sent, "pub"),
  sentUpdate: labelled(sent, "update"),
  sentRevoke: labelled(sent, "revoke"),
  sentPing: labelled(sent, "ping")
}

/**
 * What is counted.
 *
 * @since 0.1.0
 * @category models
 */
export type Name = keyof typeof counters

/**
 * The totals of one server since it was made. `connections` and `subscriptions` are those there are.
 *
 * @since 0.1.0
 * @category models
 */
export type Totals = { [K in Name]: number }

/**
 * The totals that messages pushed to one client are counted in.
 *
 * @since 0.1.0
 * @category constants
 */
export const pushed = { pub: "sentPub", update: "sentUpdate", revoke: "sentRevoke" } as const satisfies Record<
  string,
  Name
>

const names = Object.keys(counters) as ReadonlyArray<Name>

const zeros = (): Totals => Object.fromEntries(names.map((name) => [name, 0])) as Totals

/**
 * How long requests took, in ms from the message to its answer.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requestDuration = Metric.histogram(
  "nes_server_request_duration_ms",
  MetricBoundaries.exponential({ start: 0.25, factor: 2, count: 16 }),
  "How long requests took (ms)"
)

/**
 * Bytes that wait for slow clients, as the last heartbeat saw them.
 *
 * @since 0.1.0
 * @category metrics
 */
export const bufferedBytes = Metric.gauge("nes_server_buffered_bytes", {
  description: "Bytes waiting for slow clients, at the last heartbeat"
})

const limits = Object.fromEntries(
  Object.keys(Limits.exceeded()).map((limit) => [limit, labelled(limitsExceeded, limit, "limit")])
) as Record<keyof Limits.Exceeded, Metric.Metric.Counter<number>>

const passOn = <K extends string>(
  metrics: Record<K, Metric.Metric.Counter<number>>,
  counted: Readonly<Record<K, number>>,
  reported: Record<K, number>
): void => {
  for (const name in metrics) {
    const more = counted[name] - reported[name]
    if (more !== 0) {
      reported[name] += more
      metrics[name].unsafeUpdate(more, [])
    }
  }
}

const ofType: ReadonlyMap<string, Name> = new Map<string, Name>([
  ["hello", "receivedHello"],
  ["reauth", "receivedReauth"],
  ["request", "receivedRequest"],
  ["message", "receivedMessage"],
  ["sub", "receivedSub"],
  ["unsub", "receivedUnsub"],
  ["ping", "receivedPing"]
])

/**
 * Counts for one server.
 *
 * @since 0.1.0
 * @category models
 */
export class Metrics {
  /** To be added to. */
  readonly totals: Totals = zeros()
  /** How often each limit has been crossed. */
  readonly exceeded: Readonly<Limits.Exceeded>
  private readonly crossings = Limits.exceeded()
  private readonly reported: Totals = zeros()
  private readonly reportedExceeded = Limits.exceeded()

  /** With `enabled` false nothing goes into Effect's metrics; the totals are kept all the same. */
  constructor(
    readonly enabled: boolean,
    private readonly onExceeded: (limit: keyof Limits.Exceeded, connection: Connection, path?: string) => void
  ) {
    this.exceeded = this.crossings
  }

  /** Counts a limit that a connection has crossed, with a message about this path if there is one. */
  exceed(limit: keyof Limits.Exceeded, connection: Connection, path?: string): void {
    this.crossings[limit]++
    this.onExceeded(limit, connection, path)
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
      requestDuration.unsafeUpdate(duration, [])
    }
  }

  /** Notes what waits for slow clients (bytes). */
  buffered(bytes: number): void {
    if (this.enabled) {
      bufferedBytes.unsafeUpdate(bytes, [])
    }
  }

  /** Passes on to Effect's metrics what has come since the last time. */
  readonly report = (): void => {
    if (!this.enabled) {
      return
    }
    passOn(counters, this.totals, this.reported)
    passOn(limits, this.exceeded, this.reportedExceeded)
  }
}
