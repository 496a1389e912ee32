/** A peer that opens a WebSocket and then answers nothing any more, not even a close. */
import { once } from "node:events"
import type { Socket } from "node:net"

export const upgrade = async (socket: Socket): Promise<void> => {
  socket.write(
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  )
  await once(socket, "data")
}
