/** socket.io 4 over WebSocket alone: a path is a room, a publish an emit to it, an answer an acknowledgement. */
import { createServer } from "node:http"
import { Server } from "socket.io"
import { small } from "./Application.mjs"

export const start = async ({ adapter, heartbeat }) => {
  const http = createServer()
  const io = new Server(http, {
    transports: ["websocket"],
    ...(adapter && { adapter }),
    ...(heartbeat && { pingInterval: heartbeat.interval, pingTimeout: heartbeat.timeout })
  })
  io.on("connection", (socket) => {
    socket.on("sub", (path, answer) => {
      void socket.join(path)
      answer()
    })
    socket.on("get", (_path, answer) => answer(small))
  })
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve))
  return {
    port: http.address().port,
    publish: (path, message) => io.to(path).emit("pub", message)
  }
}
