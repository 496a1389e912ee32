/**
 * The limit: the least that hapi and ws can do for the same bytes on the same sockets. No features, no error handling,
 * no accounting: a Map from path to sockets, one Buffer with header and text for all recipients, written to the raw
 * socket, which is corked for the tick. Nobody could use it; nothing correct can be much faster.
 */
import { WebSocketServer } from "ws"
import * as Application from "./Application.mjs"
import { filters } from "./Filter.mjs"

const frame = (text) => {
  const length = Buffer.byteLength(text)
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const buffer = Buffer.allocUnsafe(header + length)
  buffer[0] = 0x81
  if (header === 2) {
    buffer[1] = length
  } else if (header === 4) {
    buffer[1] = 126
    buffer.writeUInt16BE(length, 2)
  } else {
    buffer[1] = 127
    buffer.writeBigUInt64BE(BigInt(length), 2)
  }
  buffer.write(text, header)
  return buffer
}

const chunks = (text, size) => {
  const frames = []
  for (let at = 0; at < text.length; at += size) {
    frames.push(frame((at + size < text.length ? "+" : "!") + text.slice(at, at + size)))
  }
  return Buffer.concat(frames)
}

let corked = []

const uncork = () => {
  const sockets = corked
  corked = []
  for (const socket of sockets) socket.uncork()
}

const write = (socket, buffer) => {
  if (socket.writableCorked === 0) {
    socket.cork()
    if (corked.push(socket) === 1) setImmediate(uncork)
  }
  socket.write(buffer)
}

const ignore = () => undefined

class Connection {
  constructor(ws, socket, state) {
    this.socket = socket
    this.state = state
    this.path = undefined
    this.user = undefined
    this.alive = true
    ws.on("message", (data) => this.receive(JSON.parse(data)))
    ws.on("error", ignore)
  }

  receive(message) {
    this.alive = true
    switch (message.type) {
      case "request":
        return this.request(message)
      case "hello":
        this.user = message.auth?.headers.authorization
        return this.send({ type: "hello", id: message.id, heartbeat: this.state.heartbeat, socket: "limit" })
      case "sub": {
        const key = this.user === undefined ? message.path : `${message.path} ${this.user}`
        const subscribers = this.state.subscribers.get(key)
        if (subscribers === undefined) this.state.subscribers.set(key, [this])
        else subscribers.push(this)
        this.path = message.path
        return this.send({ type: "sub", id: message.id, path: message.path })
      }
    }
  }

  async request({ id, method, path }) {
    const { payload, statusCode } = await this.state.server.inject({ method, url: path })
    write(this.socket, frame(`{"type":"request","id":${id},"statusCode":${statusCode},"payload":${payload}}`))
  }

  send(message) {
    write(this.socket, frame(JSON.stringify(message)))
  }
}

export const start = async ({ filter, heartbeat = false, maxChunkChars, secure }) => {
  const server = Application.make({ secure })
  const state = { server, heartbeat, subscribers: new Map() }
  const wss = new WebSocketServer({ server: server.listener, clientTracking: false })
  const connections = []
  wss.on("connection", (ws, request) => {
    const connection = new Connection(ws, request.socket, state)
    if (heartbeat) connections.push(connection)
  })
  await server.start()

  if (heartbeat) {
    const ping = frame(`{"type":"ping"}`)
    setInterval(() => {
      for (const connection of connections) {
        connection.alive = false
        write(connection.socket, ping)
      }
    }, heartbeat.interval)
  }

  const matches = filters[filter]
  return {
    listener: server.listener,
    port: server.info.port,
    publish: (path, message, options) => {
      const subscribers = state.subscribers.get(options?.user === undefined ? path : `${path} ${options.user}`)
      if (filter === "override") {
        for (const { socket } of subscribers) {
          write(socket, frame(JSON.stringify({ type: "pub", path, message: matches(path, message).override })))
        }
        return
      }
      const text = JSON.stringify({ type: "pub", path, message })
      const buffer = maxChunkChars && text.length > maxChunkChars ? chunks(text, maxChunkChars) : frame(text)
      for (const { socket } of subscribers) {
        if (matches === undefined || matches(path, message, { internal: options.internal, params: { id: "5" } })) {
          write(socket, buffer)
        }
      }
    }
  }
}
