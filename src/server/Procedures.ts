/** The port to what answers calls of procedures: `effect/rpc`, where it is served. */
import type * as Message from "../protocol/Message.js"
import type { Connection } from "./connection/Connection.js"

/** What answers calls. All answers, errors included, are written by it. */
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
