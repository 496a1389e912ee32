/** The text frames of a socket of ws, taken without what ws spends on each: a fifth of what a short message costs. */
import type { Socket } from "node:net"
import type { Listener } from "./Socket.js"

// The first byte of a frame that is a message of text, neither fragmented nor compressed; of pings and of pongs.
const text = 0x81
const ping = 0x89
const pong = 0x8a

// What stands for bytes that are no UTF-8. ws knows whether it was sent.
const replacement = "\ufffd"

const lengthAt = (chunk: Buffer, at: number, second: number): number =>
  second === 126 ? chunk.readUInt16BE(at + 2) : second === 127 ? Number(chunk.readBigUInt64BE(at + 2)) : second

// Not everything that is called ws reads a socket of Node.
const isSocket = (u: unknown): u is Socket => typeof Reflect.get(Object(u) as object, "listeners") === "function"

/**
 * Takes the text frames of at most `longest` bytes, and leaves to ws what else there is: from the first frame on that is
 * invalid, compressed or part of a message, everything.
 */
export const take = (socket: unknown, longest: number, listener: Listener): void => {
  const parse = isSocket(socket) && socket.listeners("data").find(({ name }) => name === "socketOnData")
  if (!parse) {
    return
  }
  const leave = (chunk: Buffer): unknown => Reflect.apply(parse, socket, [chunk])
  // The beginning of a frame, and how much more there is to come of it at least.
  let begun: Array<Buffer> = []
  let missing = 0
  let isLeft = false

  const onData: { (read: Buffer): void; listener?: unknown } = (read) => {
    let chunk = read
    if (missing > 0) {
      begun.push(read)
      missing -= read.length
      if (missing > 0) {
        return
      }
      chunk = Buffer.concat(begun)
      begun = []
    }
    missing = 0
    let at = 0
    for (let end = 0; at < chunk.length && !isLeft; at = isLeft ? at : end) {
      const first = chunk[at]
      const second = chunk[at + 1] ?? 0
      const start = at + (second === 126 ? 4 : second === 127 ? 10 : 2)
      end = start > chunk.length ? start : start + lengthAt(chunk, at, second)
      const isText = first === text && second < 128 && end - start <= longest
      if (!isText && (second > 125 || (first !== ping && first !== pong))) {
        isLeft = true
      } else if (end > chunk.length) {
        begun = [chunk.subarray(at)]
        missing = end - chunk.length
        return
      } else if (isText) {
        const message = chunk.toString("utf8", start, end)
        isLeft = message.includes(replacement)
        if (!isLeft) {
          listener.received(message)
        }
      } else {
        leave(chunk.subarray(at, end))
      }
    }
    if (isLeft) {
      leave(at === 0 ? chunk : chunk.subarray(at))
    }
  }
  // ws removes its own listener, as which this counts by its `listener`.
  onData.listener = parse
  socket.off("data", parse as typeof onData)
  socket.on("data", onData)
}
