/** What the parts of a node work with. */
import type * as Message from "../protocol/Message.js"
import type * as Application from "./Application.js"
import type { Settle } from "./Awaitable.js"
import type { Connection } from "./connection/Connection.js"
import type { Timing } from "./connection/Deadlines.js"
import type { Exceeded } from "./LimitSettings.js"
import type { Settings } from "./Settings.js"
import type { Fanouts } from "./subscription/Fanouts.js"
import type { Incidents, Log } from "./telemetry/Log.js"
import type { Metrics } from "./telemetry/Metrics.js"
import type { Tracing } from "./telemetry/Tracing.js"
import type { Flush, Turns } from "./transport/Turns.js"

/** The port to what answers calls of procedures: `effect/rpc`, where it is served. All answers, errors included, are written by it. */
export interface Procedures {
  /** Begins a call, which takes this much memory; ends when the first of its answer has been written. */
  readonly call: (connection: Connection, message: Message.Rpc, weight: number) => Promise<void>
  /** The client is ready for more of a call; returns whether that is under way. */
  readonly ack: (connection: Connection, id: Message.Id) => boolean
  /** The client waits for a call no more; returns whether that was under way. */
  readonly cancel: (connection: Connection, id: Message.Id) => boolean
  readonly reauthenticated: (connection: Connection) => void
  readonly departed: (connection: Connection) => void
}

export interface NodeContext extends Timing {
  /** What its end is timed by: the clock of a test may stand still by then. */
  readonly closing: Timing
  readonly settings: Settings
  readonly application: Application.Service
  readonly settle: Settle
  readonly turns: Turns
  readonly flush: Flush
  readonly fanouts: Fanouts<Connection>
  readonly metrics: Metrics
  readonly log: Log
  readonly incidents: Incidents
  readonly procedures: { served: Procedures | undefined }
  /** Present where a tracer looks. */
  readonly tracing: Tracing | undefined
  /** Counts and logs a limit that a connection has crossed, with a message about this path if there is one. */
  readonly exceed: (limit: keyof Exceeded, connection: Connection, path?: string) => void
}
