/** A client at the level of bytes: it can send what no WebSocket library would, and judges what comes back. */
import * as crypto from "node:crypto"
import * as net from "node:net"

/** The bytes of a frame as clients send them: masked, unless told otherwise. */
export const frame = (
  payload: Buffer | string,
  { first = 0x81, length, masked = true }: {
    readonly first?: number
    /** The length to claim. */
    readonly length?: number
    readonly masked?: boolean
  } = {}
): Buffer => {
  const bytes = Buffer.from(payload)
  const claimed = length ?? bytes.length
  const mask = masked ? 0x80 : 0
  const header = claimed < 126
    ? Buffer.from([first, mask | claimed])
    : claimed < 65536
    ? Buffer.from([first, mask | 126, claimed >> 8, claimed & 255])
    : Buffer.concat([Buffer.from([first, mask | 127, 0, 0, 0, 0]), Buffer.alloc(4)])
  if (claimed >= 65536) {
    header.writeUInt32BE(claimed >>> 0, 6)
  }
  if (!masked) {
    return Buffer.concat([header, bytes])
  }
  const key = crypto.randomBytes(4)
  return Buffer.concat([header, key, bytes.map((byte, i) => byte ^ (key[i % 4] ?? 0))])
}

/** The request that opens a WebSocket; every part may be replaced. */
export const handshake = (
  { extra = "", key = "dGhlIHNhbXBsZSBub25jZQ==", method = "GET", path = "/", version = "13" }: {
    readonly extra?: string
    readonly key?: string
    readonly method?: string
    readonly path?: string
    readonly version?: string
  } = {}
): string =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: ${version}\r\n${extra}\r\n`

/** A connection. Nothing it receives makes it throw: what is wrong goes to `faults`. */
export class RawPeer {
  readonly texts: Array<string> = []
  readonly faults: Array<string> = []
  /** The status of the answer to the handshake. */
  status: number | undefined
  closeCode: number | undefined
  ended = false
  readonly #socket: net.Socket
  #buffer = Buffer.alloc(0)
  readonly #waiting = new Set<() => void>()

  constructor(port: number) {
    this.#socket = net.connect(port, "127.0.0.1")
    this.#socket.setNoDelay(true)
    this.#socket.on("error", () => {})
    this.#socket.on("data", (data) => this.#receive(data))
    this.#socket.on("close", () => {
      this.ended = true
      this.#wake()
    })
  }

  write(bytes: Buffer | string): void {
    if (this.#socket.writable) {
      this.#socket.write(bytes)
    }
  }

  halfClose(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Whether this holds within the time (ms). */
  until(done: () => boolean, patience: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (result: boolean): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve(result)
      }
      const wake = (): void => {
        if (done()) {
          settle(true)
        }
      }
      const timer = setTimeout(() => settle(false), patience)
      this.#waiting.add(wake)
      wake()
    })
  }

  /** Opens the WebSocket; false where the server does not agree. */
  async open(request: string = handshake(), patience = 3000): Promise<boolean> {
    this.write(request)
    await this.until(() => this.status !== undefined || this.ended, patience)
    return this.status === 101
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) {
      wake()
    }
  }

  #receive(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data])
    if (this.status === undefined) {
      const end = this.#buffer.indexOf("\r\n\r\n")
      if (end < 0) {
        return
      }
      this.status = Number(this.#buffer.subarray(9, 12).toString())
      this.#buffer = this.#buffer.subarray(end + 4)
    }
    if (this.status === 101) {
      while (this.#frame()) {
        // One after another.
      }
    }
    this.#wake()
  }

  #frame(): boolean {
    const [first, second] = this.#buffer
    if (first === undefined || second === undefined) {
      return false
    }
    const header = second < 126 ? 2 : second === 126 ? 4 : 10
    if (this.#buffer.length < header) {
      return false
    }
    const length = second < 126
      ? second
      : second === 126
      ? this.#buffer.readUInt16BE(2)
      : Number(this.#buffer.readBigUInt64BE(2))
    if (this.#buffer.length < header + length) {
      return false
    }
    const payload = this.#buffer.subarray(header, header + length)
    this.#buffer = this.#buffer.subarray(header + length)
    this.#take(first, payload)
    return true
  }

  #take(first: number, payload: Buffer): void {
    switch (first) {
      case 0x81:
        try {
          this.texts.push(new TextDecoder("utf-8", { fatal: true }).decode(payload))
        } catch {
          this.faults.push("a text that is not UTF-8")
        }
        return
      case 0x88:
        this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
        this.write(frame(payload, { first: 0x88 }))
        return
      case 0x89:
        this.write(frame(payload, { first: 0x8a }))
        return
      case 0x8a:
        return
      default:
        this.faults.push(`a frame that begins with ${first.toString(16)}`)
    }
  }
}
