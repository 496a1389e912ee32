/**
 * What the load says and expects to hear, for each protocol: `nes` (which the limit speaks too) and `socket.io`.
 *
 * `open(socket, path, auth)` gets a fresh socket subscribed; `request` asks for a path, and `answer` is what comes of it;
 * `update` is a publish as texts, `message` what those said; `pong` answers a heartbeat.
 */
const fail = (text) => {
  throw new Error(`unexpected answer: ${text.slice(0, 200)}`)
}

const chunked = (text, size) => {
  if (!size || text.length <= size) return [text]
  const parts = []
  for (let at = 0; at < text.length; at += size) {
    parts.push((at + size < text.length ? "+" : "!") + text.slice(at, at + size))
  }
  return parts
}

const isNesPing = (text) => text === `{"type":"ping"}`

/** The answer to `text`; a heartbeat may come before it while a large crowd is still connecting. */
const askNes = async (socket, text) => {
  let answer = await socket.ask(text)
  while (isNesPing(answer)) answer = await socket.hear()
  return answer
}

const nes = {
  path: "/",
  open: async (socket, path, auth) => {
    const hello = await askNes(socket, JSON.stringify({ type: "hello", id: 1, version: "2", auth }))
    if (!hello.includes(`"type":"hello"`) || hello.includes(`"statusCode"`)) fail(hello)
    if (path === undefined) return
    const sub = await askNes(socket, JSON.stringify({ type: "sub", id: 2, path }))
    if (!sub.includes(`"type":"sub"`) || sub.includes(`"statusCode"`)) fail(sub)
  },
  request: (path) => JSON.stringify({ method: "GET", path, type: "request", id: 7 }),
  answer: (payload) => JSON.stringify({ type: "request", id: 7, statusCode: 200, payload }),
  update: (path, message, maxChunkChars) => chunked(JSON.stringify({ type: "pub", path, message }), maxChunkChars),
  message: (texts) => {
    const text = texts.length === 1 ? texts[0] : texts.map((part) => part.slice(1)).join("")
    return JSON.parse(text).message
  },
  isPing: isNesPing,
  pong: (socket) => socket.send(`{"id":${++socket.ids},"type":"ping"}`)
}

const socketIo = {
  path: "/socket.io/?EIO=4&transport=websocket",
  open: async (socket, path) => {
    const open = await socket.hear()
    if (!open.startsWith("0{")) fail(open)
    const connected = await socket.ask("40")
    if (!connected.startsWith("40{")) fail(connected)
    if (path === undefined) return
    const joined = await socket.ask(`421${JSON.stringify(["sub", path])}`)
    if (joined !== "431[]") fail(joined)
  },
  request: (path) => `427${JSON.stringify(["get", path])}`,
  answer: (payload) => `437${JSON.stringify([payload])}`,
  update: (_path, message) => [`42${JSON.stringify(["pub", message])}`],
  message: ([text]) => JSON.parse(text.slice(2))[1],
  isPing: (text) => text === "2",
  pong: (socket) => socket.send("3")
}

/** @param {string} name */
export const dialect = (name) => name === "socket.io" ? socketIo : nes
