/** The text frames of a socket of ws, taken as they are read: without what Node's streams and ws spend on each. */
import type { OnReadOpts, Socket } from "node:net"
import type { Listener } from "./Socket.js"

// The first byte of a frame that is a message of text, neither fragmented nor compressed; of pings and of pongs.
const text = 0x81
const ping = 0x89
const pong = 0x8a

// What stands for bytes that are no UTF-8. ws knows whether it was sent.
const replacement = "\ufffd"

// All sockets are read here, as much at a time as Node itself reads: nothing of it is needed after its read.
const buffer = Buffer.allocUnsafeSlow(65_536)

const lengthAt = (chunk: Buffer, at: number, second: number): number =>
  second === 126 ? chunk.readUInt16BE(at + 2) : second === 127 ? Number(chunk.readBigUInt64BE(at + 2)) : second

// Node reads the next bytes where these are.
const copy = (chunk: Buffer, start: number, end: number): Buffer => Buffer.from(chunk.subarray(start, end))

/**
 * Reads for a socket that is given `onread`: for ws, until told to `take` text frames of at most `longest` bytes. What
 * else there is stays with ws: from the first frame on that is invalid, compressed or part of a message, everything.
 */
export const reader = (
  longest: number,
  listener: Listener
): { readonly onread: OnReadOpts; readonly take: () => void } => {
  let current: Socket | undefined
  let isTaking = false
  // The beginning of a frame, and how much more there is to come of it at least.
  let begun: Array<Buffer> = []
  let missing = 0

  const receive = (socket: Socket, read: number): boolean => {
    current = socket
    let chunk = buffer
    let size = read
    if (missing > 0) {
      begun.push(copy(buffer, 0, read))
      missing -= read
      if (missing > 0) {
        return true
      }
      chunk = Buffer.concat(begun)
      size = chunk.length
      begun = []
    }
    missing = 0
    let at = 0
    for (let end = 0; at < size && isTaking; at = isTaking ? end : at) {
      const first = chunk[at]
      const second = at + 1 < size ? chunk[at + 1] as number : 0
      const start = at + (second === 126 ? 4 : second === 127 ? 10 : 2)
      end = start > size ? start : start + lengthAt(chunk, at, second)
      const isText = first === text && second < 128 && end - start <= longest
      if (!isText && (second > 125 || (first !== ping && first !== pong))) {
        isTaking = false
      } else if (end > size) {
        begun = [copy(chunk, at, size)]
        missing = end - size
        return true
      } else if (isText) {
        const message = chunk.toString("utf8", start, end)
        isTaking = !message.includes(replacement)
        if (isTaking) {
          listener.received(message)
        }
      } else {
        socket.push(copy(chunk, at, end))
      }
    }
    return isTaking || socket.push(copy(chunk, at, size))
  }
  return {
    onread: {
      buffer,
      callback(this: Socket, read) {
        return receive(this, read)
      }
    },
    // What came with the answer to the handshake is with ws: it may end within a frame.
    take: () => {
      isTaking = current?.readableLength === 0
    }
  }
}
