/** What happens to connections, told to Effect's log with the socket's id, and kept for the inspector. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import type { IncomingMessage } from "node:http"
import { isObject } from "../../protocol/Codec.js"
import * as Thrown from "../../protocol/Thrown.js"
import { rootless, withoutQuery } from "../../protocol/Tracing.js"
import type { Service } from "../Application.js"
import type { Connection } from "../connection/Connection.js"
import { monotonic } from "../connection/Deadlines.js"
import type { Exceeded } from "../LimitSettings.js"
import type { Refused } from "./Metrics.js"

export const socketId = "nes.socket.id"

type Texts = Readonly<Record<string, string>>

export const annotationsOf = ({ id, info }: Connection): Texts => ({
  [socketId]: id,
  ...addressOf(info.remoteAddress, info["x-forwarded-for"])
})

// Behind a proxy it is the proxy that connects, and what it forwards is only as true as the proxy is; what is in memory
// has no address.
const addressOf = (remote: string | undefined, forwarded: unknown): Texts => ({
  ...(remote !== undefined && { "client.address": remote }),
  ...(forwarded !== undefined && { "client.forwarded_for": String(forwarded).slice(0, maxLength) })
})

// What a client chose may be long because somebody wants the log to be.
const maxLength = 256

// Scheme, host and port: in a user, a path or a query there may be credentials.
const originOf = (origin: string): string => {
  const { host, protocol } = URL.canParse(origin) ? new URL(origin) : { host: "", protocol: "" }
  if (host) {
    return `${protocol}//${host}`.slice(0, maxLength)
  }
  return /[@/?#]/.test(origin) ? "unreadable" : origin.slice(0, maxLength).replace(/[^ -~]/g, encodeURIComponent)
}

/** Nothing that an application or a client has written is in it: either might quote credentials. */
interface Incident {
  readonly at: number
  readonly kind: string
  readonly socket?: string | undefined
  readonly address?: string | undefined
  readonly forwarded?: string | undefined
  /** The limit that was crossed, the setting that refused, or the class and code of the error. */
  readonly reason?: string | undefined
  readonly path?: string | undefined
}

const room = 100

// How often it is looked whether a filter changes what it is asked about: each look encodes the message once more.
const mostLooks = 100

// Causes may go round, and an error may throw as it is read.
const nameOf = (error: unknown, depth = 8): string | undefined => {
  if (!(error instanceof Error) || depth === 0) {
    return undefined
  }
  try {
    const { cause, code } = error as { readonly cause?: unknown; readonly code?: unknown }
    const isCode = typeof code === "string" && /^[A-Z][A-Z_]{2,31}$/.test(code)
    return isCode ? code : nameOf(cause, depth - 1) ?? error.constructor.name
  } catch {
    return undefined
  }
}

/** What was refused, and what failed, of late: kept from when somebody begins to look. */
export class Incidents {
  private kept: Array<Incident> | undefined

  constructor(private readonly now: () => number) {}

  get areKept(): boolean {
    return this.kept !== undefined
  }

  /** The last ones, oldest first; they are kept from the first call on. */
  get all(): ReadonlyArray<Incident> {
    return (this.kept ??= [])
  }

  note(incident: Omit<Incident, "at">): void {
    const { kept } = this
    if (kept && kept.push({ at: this.now(), ...incident }) > room) {
      kept.shift()
    }
  }

  logged(tags: ReadonlyArray<string>, data: unknown, socket: string | undefined): void {
    if (this.kept && tags.includes("error")) {
      this.note({ kind: tags.filter((tag) => tag !== "nes").join(" "), socket, reason: nameOf(data) })
    }
  }
}

type Write = (level: LogLevel.Severity, message: string, annotations: Readonly<Record<string, unknown>>) => void

interface Listeners {
  /** To the life of each connection (`Debug`). */
  readonly lives?: Write | undefined
  /** To what was refused, and how it stands with the server. */
  readonly incidents?: Write | undefined
  /** To what whoever deploys the application should mend. */
  readonly warnings?: Write | undefined
  /** To what whoever develops the application should mend. */
  readonly hints?: Write | undefined
}

const livesOf = (clock: Clock.Clock, write: Write) => {
  const opened = new WeakMap<Connection, number>()
  const tell = (turn: string, connection: Connection, more?: object): void =>
    write("Debug", `nes ${turn}`, { ...annotationsOf(connection), ...more })
  return {
    open: (connection: Connection) => void opened.set(connection, monotonic(clock)),
    connected: (connection: Connection) =>
      tell("connected", connection, { "nes.subscriptions": connection.subscriptions.size }),
    /** To be called while its subscriptions are known. */
    disconnected: (connection: Connection, code: number, reason: string) => {
      const now = monotonic(clock)
      tell("disconnected", connection, {
        "nes.close.code": code,
        ...(reason && { "nes.close.reason": reason }),
        "nes.duration_ms": now - (opened.get(connection) ?? now),
        "nes.subscriptions": connection.subscriptions.size
      })
    },
    silent: (connection: Connection) => tell("heartbeat missed", connection)
  }
}

export class Log {
  readonly lives: ReturnType<typeof livesOf> | undefined
  private readonly crossed = new WeakMap<Connection, Set<keyof Exceeded>>()
  private readonly warned = new Set<string>()
  private looks = 0

  constructor(
    private readonly listeners: Listeners,
    clock: Clock.Clock,
    private readonly kept: Incidents,
    private isAnnounced = false
  ) {
    this.lives = listeners.lives && livesOf(clock, listeners.lives)
  }

  /** A hello or a reauth was refused, or the credentials of an open connection hold no more. */
  distrusted(by: "authentication" | "verification", connection: Connection, error: unknown): void {
    this.incident(`nes ${by} failed`, () => ({
      ...annotationsOf(connection),
      "nes.error": Thrown.text(error)
    }))
  }

  /** A limit was crossed: an entry for the first time that this connection does. */
  exceeded(limit: keyof Exceeded, connection: Connection, path?: string): void {
    this.incident("nes limit exceeded", () => {
      const crossed = this.crossed.get(connection) ?? new Set()
      if (crossed.has(limit)) {
        return undefined
      }
      this.crossed.set(connection, crossed.add(limit))
      return {
        ...annotationsOf(connection),
        "nes.limit": limit,
        ...(path !== undefined && { "nes.path": withoutQuery(path).slice(0, maxLength) })
      }
    })
  }

  refused(reason: keyof Refused, { headers, socket }: IncomingMessage): void {
    this.incident("nes connection refused", () => ({
      ...addressOf(socket.remoteAddress, headers["x-forwarded-for"]),
      ...(reason === "origin" && { "nes.origin": originOf(headers.origin ?? "none") }),
      "nes.error": reason
    }))
  }

  /** The server accepts connections, sends them away, or has none any more; of one in memory, nothing is said. */
  turned(to: "listening" | "draining" | "stopped", annotations: Record<string, unknown> = {}): void {
    this.isAnnounced ||= to === "listening"
    if (this.isAnnounced) {
      this.listeners.incidents?.("Info", `nes ${to}`, annotations)
    }
  }

  /** Cookies authenticate, whatever page a browser sends them from. */
  unguarded(): void {
    this.incident("nes origin missing", () => ({
      "nes.error": "Cookies authenticate and no origin is named: any page may connect with its visitor's cookie"
    }), "Warn")
  }

  private incident(message: string, read: () => Texts | undefined, level: "Info" | "Warn" = "Info"): void {
    const { kept, listeners: { incidents } } = this
    const told = incidents || kept.areKept ? read() : undefined
    if (told) {
      incidents?.(level, message, told)
      kept.note({
        kind: message.replace(/^nes /, ""),
        socket: told[socketId],
        address: told["client.address"],
        forwarded: told["client.forwarded_for"],
        // An error's message is the application's, and may quote credentials.
        reason: told["nes.limit"] ?? told["nes.origin"] ??
          (told[socketId] === undefined ? told["nes.error"] : undefined),
        path: told["nes.path"]
      })
    }
  }

  /** Nodes that each have a password of their own refuse what the others have sealed. */
  unshared(): void {
    const annotations = {
      "nes.error": "No `auth.password` is given: a client that connects to another node is refused there. " +
        "Give all nodes the same one"
    }
    this.incident("nes password missing", () => annotations, "Warn")
    this.listeners.warnings?.("Warn", "nes password missing", annotations)
  }

  /** Warns of the first publish that no client of this node can get. */
  undeclared(path: string): void {
    const text = "Published to a path that no subscription is declared for: no client of this server can get it"
    this.hint("nes publish undeclared", text, path)
  }

  /** Warns of a filter that changes what it is asked about, which all subscribers share, if it does so early. */
  changed(path: string, isChanged: () => boolean): void {
    if (this.looks++ >= mostLooks) {
      return
    }
    const text = "A filter has changed the message, and not for one subscriber alone: return { override } instead"
    this.hint("nes filter changes", text, path, isChanged)
  }

  private hint(message: string, text: string, path: string, isTrue = (): boolean => true): void {
    const { hints } = this.listeners
    if (hints && !this.warned.has(message) && isTrue()) {
      this.warned.add(message)
      hints("Warn", message, { "nes.path": path.slice(0, maxLength), "nes.error": text })
    }
  }
}

export const listens = (level: LogLevel.Severity): Effect.Effect<boolean> =>
  Effect.zipWith(
    LogLevel.isEnabled(level),
    References.CurrentLoggers,
    (enabled, loggers) => enabled && loggers.size > 0
  )

/** In Effect's log; or, of what was refused only, in the application's. What is listened to is decided here, once. */
export const make = (
  to: boolean | "application",
  application: Service["log"],
  kept: Incidents
): Effect.Effect<Log> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    if (to === "application") {
      // Few applications print what hapi logs: Node's warnings are seen.
      const warnings: Write = (_, message, annotations) =>
        process.emitWarning(["nes.error", "nes.path"].flatMap((name) => annotations[name] ?? []).join(": "), {
          type: "NesWarning",
          code: message.toUpperCase().replaceAll(" ", "_")
        })
      return new Log(
        {
          // A tag of its own: those who watch for `nes` expect what is the application's to mend.
          incidents: (_, message, annotations) =>
            application(["effect-nes", ...message.split(" ").slice(1)], annotations),
          warnings,
          // Tests publish what nobody hears, and in production nobody looks.
          hints: ["", "development"].includes(process.env.NODE_ENV ?? "") ? warnings : undefined
        },
        clock,
        kept,
        true
      )
    }
    const fork = Effect.runForkWith(yield* rootless())
    const tell: Write = (level, message, annotations) =>
      void fork(Effect.annotateLogs(Effect.logWithLevel(level)(message), annotations))
    const lives = to && (yield* listens("Debug")) ? tell : undefined
    const incidents = to && (yield* listens("Info")) ? tell : undefined
    return new Log({ lives, incidents }, clock, kept)
  })

// What `Effect.tryPromise` and the like wrap is what went wrong.
const rootOf = (error: unknown): unknown => Cause.isUnknownError(error) ? rootOf(error.cause) : error

/** Logs that a part of the application failed, in one line. Loggers write an error down as a cause. */
export const reportFault = (part: string | undefined, fault: unknown): Effect.Effect<void> => {
  const error = rootOf(fault)
  return Effect.logError(`nes ${part} failed: ${Thrown.text(error)}`, ...(isObject(error) ? [Cause.fail(error)] : []))
}
