/**
 * WebSocket frames by hand, for the load process: just enough of RFC 6455 to shake hands, to write text, and to count
 * payload bytes while they stream by.
 */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib"

const sync = { finishFlush: constants.Z_SYNC_FLUSH }

const emptyBlock = Buffer.from([0, 0, 0xff, 0xff])

const inflate = (payload) => inflateRawSync(Buffer.concat([payload, emptyBlock]), sync)

/** How many bytes a text has when it is compressed by itself. */
export const compressedLength = (text) => deflateRawSync(text, sync).length - emptyBlock.length

/** Where a frame's header leaves its length. */
const headerLength = (length) => length < 126 ? 2 : length < 65_536 ? 4 : 10

const writeHeader = (buffer, length, mask) => {
  buffer[0] = 0x81
  if (length < 126) {
    buffer[1] = mask | length
  } else if (length < 65_536) {
    buffer[1] = mask | 126
    buffer.writeUInt16BE(length, 2)
  } else {
    buffer[1] = mask | 127
    buffer.writeBigUInt64BE(BigInt(length), 2)
  }
}

/** A server's text frame. */
export const serverFrame = (text) => {
  const payload = Buffer.from(text)
  const header = headerLength(payload.length)
  const buffer = Buffer.allocUnsafe(header + payload.length)
  writeHeader(buffer, payload.length, 0)
  payload.copy(buffer, header)
  return buffer
}

// Any mask but zero, which ws would not bother to unmask.
const mask = [0x5a, 0xa5, 0x3c, 0xc3]

/** A client's text frame. */
export const clientFrame = (text) => {
  const payload = Buffer.from(text)
  const header = headerLength(payload.length)
  const buffer = Buffer.allocUnsafe(header + 4 + payload.length)
  writeHeader(buffer, payload.length, 0x80)
  for (let i = 0; i < 4; i++) buffer[header + i] = mask[i]
  for (let i = 0; i < payload.length; i++) buffer[header + 4 + i] = payload[i] ^ mask[i & 3]
  return buffer
}

/**
 * Cuts a stream of bytes into frames. While `text` is set, whole texts go to it; without, payload bytes are only
 * counted, however the stream is cut.
 */
export class Parser {
  /** Payload bytes of data frames seen. */
  bytes = 0
  /** @type {((text: string) => void) | undefined} */
  text

  #head = Buffer.alloc(14)
  #held = 0
  #remaining = 0
  #masked = false
  /** @type {Array<Buffer>} */
  #parts = []

  /** @param {Buffer} chunk */
  push(chunk) {
    let at = 0
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const take = Math.min(this.#remaining, chunk.length - at)
        this.bytes += take
        this.#remaining -= take
        if (this.text !== undefined) {
          this.#parts.push(chunk.subarray(at, at + take))
          if (this.#remaining === 0) this.#deliver()
        }
        at += take
      } else {
        at = this.#header(chunk, at)
      }
    }
  }

  #header(chunk, at) {
    // Mostly a header lies whole in the chunk.
    let head = chunk
    let start = at
    if (this.#held > 0 || chunk.length - at < 14) {
      const take = Math.min(14 - this.#held, chunk.length - at)
      chunk.copy(this.#head, this.#held, at, at + take)
      head = this.#head
      start = 0
      const had = this.#held
      this.#held += take
      const size = this.#size(head, start, this.#held)
      if (size === undefined) return at + take
      this.#held = 0
      this.#open(head, start, size)
      return at + size - had
    }
    const size = this.#size(head, start, 14)
    this.#open(head, start, size)
    return at + size
  }

  #size(head, start, available) {
    if (available < 2) return undefined
    const length = head[start + 1] & 0x7f
    const size = (length < 126 ? 2 : length === 126 ? 4 : 10) + ((head[start + 1] & 0x80) === 0 ? 0 : 4)
    return available < size ? undefined : size
  }

  #open(head, start, size) {
    this.#compressed = head[start] === 0xc1
    if (head[start] !== 0x81 && !this.#compressed) throw new Error(`unexpected frame 0x${head[start].toString(16)}`)
    const length = head[start + 1] & 0x7f
    this.#remaining = length < 126
      ? length
      : length === 126
      ? head.readUInt16BE(start + 2)
      : Number(head.readBigUInt64BE(start + 2))
    this.#masked = (head[start + 1] & 0x80) !== 0
    if (this.#masked) this.#key = head.subarray(start + size - 4, start + size).slice()
  }

  #key
  #compressed

  #deliver() {
    const payload = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts)
    this.#parts = []
    if (this.#masked) { for (let i = 0; i < payload.length; i++) payload[i] ^= this.#key[i & 3] }
    this.text((this.#compressed ? inflate(payload) : payload).toString())
  }
}
