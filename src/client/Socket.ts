/** One socket, whatever carries it, and who hears of it. */

/** How a socket was closed; `code` and `reason` are undefined where it failed without a close event. */
export interface Close {
  readonly code: number | undefined
  readonly reason: string | undefined
  readonly wasClean: boolean
}

/** What is said of a socket that has failed. */
export const unknownClose: Close = { code: undefined, reason: undefined, wasClean: false }

/** Hears what happens on a socket. After `failed` or `closed` nothing more is expected, and ignored where it comes. */
export interface Listener {
  opened(): void
  received(text: string): void
  /** A binary frame, which the protocol does not have. */
  receivedBinary(): void
  failed(cause: unknown): void
  closed(close: Close): void
}

export interface Socket {
  isOpen(): boolean
  /** Sends a text frame. Throws what the underlying socket throws. */
  send(text: string): void
  /** Starts the closing handshake; on a socket still connecting, gives it up. */
  close(code?: number, reason?: string): void
  /** Drops the socket without waiting for its peer. */
  terminate(): void
}

/** Opens a socket; throws for what is no address or subprotocol. `options` are those of `ws`, for Node only. */
export type Open = (
  url: string,
  options: object | undefined,
  listener: Listener,
  protocols?: string | ReadonlyArray<string>
) => Socket

/** Says which HTTP status the server refused the upgrade with. Only Node learns it. */
export class UpgradeError extends Error {
  constructor(readonly statusCode: number | undefined) {
    super(`Unexpected server response: ${statusCode}`)
  }
}
