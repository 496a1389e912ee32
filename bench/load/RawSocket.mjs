/**
 * One connection of the load: a TCP socket that shakes hands by hand, then either converses in texts or drains bytes.
 */
import { connect } from "node:net"
import { connect as connectSecurely } from "node:tls"
import { clientFrame, Parser } from "./Frame.mjs"

const key = "AAAAAAAAAAAAAAAAAAAAAA=="
const accept = "ICX+Yqv66kxgM0FcWaLWlFLwTAI="

export class RawSocket {
  parser = new Parser()
  /** The id of this connection's last message. */
  ids = 2
  /** Payload bytes before the measured part. */
  mark = 0
  #heard = []
  #listener
  #failed

  /**
   * Opens a connection; resolves when the server has agreed to speak WebSocket.
   *
   * @param {number} port
   * @param {string} path
   * @param {(error: Error) => void} onFailure called when the connection ends or breaks before `close`
   * @param {{ localAddress?: string, compresses?: boolean, secure?: boolean }} [how]
   * @returns {Promise<RawSocket>}
   */
  static open(port, path, onFailure, { compresses, localAddress, secure } = {}) {
    const self = new RawSocket()
    const to = { host: "127.0.0.1", port, noDelay: true, localAddress }
    const tcp = secure ? connectSecurely({ ...to, rejectUnauthorized: false }) : connect(to)
    self.tcp = tcp
    self.#failed = onFailure
    return new Promise((resolve, reject) => {
      let head = ""
      const onHead = (chunk) => {
        head += chunk.toString("latin1")
        const end = head.indexOf("\r\n\r\n")
        if (end === -1) return
        if (compresses && !head.includes("permessage-deflate")) {
          reject(new Error("the server does not compress"))
          return
        }
        if (!head.startsWith("HTTP/1.1 101 ") || !head.includes(accept)) {
          reject(new Error(`handshake refused: ${head.slice(0, end)}`))
          return
        }
        tcp.off("data", onHead)
        self.parser.text = (text) => self.#hears(text)
        const rest = Buffer.from(head.slice(end + 4), "latin1")
        if (rest.length > 0) self.parser.push(rest)
        tcp.on("data", (chunk) => self.parser.push(chunk))
        resolve(self)
      }
      tcp.on("data", onHead)
      tcp.on("error", (error) => (reject(error), self.#failed?.(error)))
      tcp.on("close", () => self.#failed?.(new Error("the server closed a connection")))
      tcp.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n` +
          `${compresses ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : ""}\r\n`
      )
    })
  }

  #hears(text) {
    if (this.#listener === undefined) {
      this.#heard.push(text)
      return
    }
    const listener = this.#listener
    this.#listener = undefined
    listener(text)
  }

  /** The next text from the server. */
  hear() {
    if (this.#heard.length > 0) return Promise.resolve(this.#heard.shift())
    return new Promise((resolve) => (this.#listener = resolve))
  }

  /** @param {string} text */
  send(text) {
    this.tcp.write(clientFrame(text))
  }

  /** Sends a text and waits for the next one. */
  ask(text) {
    this.send(text)
    return this.hear()
  }

  /** From here on texts go to `listener`. */
  listen(listener) {
    for (const text of this.#heard.splice(0)) listener(text)
    this.parser.text = listener
    this.#onData((chunk) => this.parser.push(chunk))
  }

  /** From here on bytes are counted only; `onBytes` is called with how many payload bytes a chunk brought. */
  drain(onBytes) {
    const parser = this.parser
    parser.text = undefined
    this.#onData((chunk) => {
      const before = parser.bytes
      parser.push(chunk)
      onBytes(parser.bytes - before)
    })
  }

  #onData(listener) {
    this.tcp.removeAllListeners("data")
    this.tcp.on("data", listener)
  }

  close() {
    this.#failed = undefined
    // A reset leaves nothing in TIME_WAIT: a run opens more connections than there are ports.
    this.tcp.resetAndDestroy()
  }
}
