/** What a peer's process is asked to play. */
export interface Order {
  /** The session's name. */
  readonly name: string
  /** How long to wait for what should come, in milliseconds. */
  readonly patience: number
}

/** What one session brought with one peer. */
export interface Transcript {
  /** What the application saw, in order. */
  readonly application: ReadonlyArray<string>
  /** What the server received, in order, one list for each connection attempt. */
  readonly server: ReadonlyArray<ReadonlyArray<string>>
  /** Timers and sockets that outlived the client's disconnection. */
  readonly left: ReadonlyArray<string>
  /** For how long the process did not get its turn, at most (ms). */
  readonly withheld: number
}
