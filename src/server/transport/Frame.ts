/**
 * WebSocket frames built by hand: an unmasked, unfragmented text message is a header and its bytes (RFC 6455, section
 * 5.2), so one Buffer can go to any number of recipients.
 */
import { Buffer } from "node:buffer"
import { constants, deflateRawSync } from "node:zlib"
import * as Chunk from "../../protocol/Chunk.js"

const finalText = 0x81

// The same with the bit that says that it is compressed (RFC 7692, section 6).
const finalCompressedText = 0xc1

// What the end of each compressed message would be, and is left out.
const emptyBlock = 4

const headerLength = (length: number): number => length < 126 ? 2 : length < 65536 ? 4 : 10

const writeHeader = (target: Buffer, offset: number, length: number, first = finalText): number => {
  target[offset] = first
  if (length < 126) {
    target[offset + 1] = length
    return offset + 2
  }
  if (length < 65536) {
    target[offset + 1] = 126
    target.writeUInt16BE(length, offset + 2)
    return offset + 4
  }
  target[offset + 1] = 127
  target.writeUInt32BE(Math.floor(length / 0x100000000), offset + 2)
  target.writeUInt32BE(length >>> 0, offset + 6)
  return offset + 10
}

/** Frames texts, each as a message of its own, one after another in a single Buffer. */
export const make = (texts: ReadonlyArray<string>): Buffer => {
  const lengths = texts.map((text) => Buffer.byteLength(text))
  const frame = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + headerLength(length) + length, 0))
  let offset = 0
  for (let i = 0; i < texts.length; i++) {
    const length = lengths[i] ?? 0
    offset = writeHeader(frame, offset, length)
    frame.write(texts[i] ?? "", offset, length, "utf8")
    offset += length
  }
  return frame
}

// In UTF-8, of a UTF-16 code unit.
const mostBytesPerChar = 3

const compress = (payload: Buffer): Buffer => {
  const compressed = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH })
  const length = compressed.length - emptyBlock
  const header = Buffer.allocUnsafe(headerLength(length))
  writeHeader(header, 0, length, finalCompressedText)
  return Buffer.concat([header, compressed.subarray(0, length)])
}

/** The same, for sockets that take compressed messages: each of at least `threshold` bytes is compressed by itself. */
const makeCompressed = (texts: ReadonlyArray<string>, threshold: number): Buffer =>
  Buffer.concat(texts.map((text) => {
    const payload = Buffer.from(text)
    return payload.length < threshold ? make([text]) : compress(payload)
  }))

/** A message on its way out: serialised once, and chunked and framed once, at the first socket that takes it. */
export class PreparedMessage {
  private texts: ReadonlyArray<string> | undefined
  private buffer: Buffer | undefined
  private compressed: Buffer | undefined

  /** `maxChunkChars` is in UTF-16 code units of `text`; `Infinity` for no chunking. */
  constructor(readonly text: string, private readonly maxChunkChars: number) {}

  /** The texts to send, in order: one, unless the message is longer than a chunk may be. */
  get chunks(): ReadonlyArray<string> {
    return this.texts ??= this.text.length > this.maxChunkChars
      ? Chunk.split(this.text, this.maxChunkChars)
      : [this.text]
  }

  /** The frames of all chunks, ready to be written to a socket without extensions. */
  get frame(): Buffer {
    return this.buffer ??= make(this.chunks)
  }

  /**
   * The same for sockets that take compressed messages: as none depends on those before, they too go to any number of
   * recipients.
   */
  compressedFrame(threshold: number): Buffer {
    return this.compressed ??= this.text.length * mostBytesPerChar < threshold
      ? this.frame
      : makeCompressed(this.chunks, threshold)
  }
}
