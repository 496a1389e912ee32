/** What comes to a port that is open before its application is there: it waits, as in the kernel's queue. */
import type { IncomingMessage, Server } from "node:http"

type Arguments = readonly [request: IncomingMessage, ...rest: ReadonlyArray<unknown>]

const ignore = (): void => {}

const turnAway = ([{ socket }]: Arguments): void => void socket.destroy()

const holdEvent = (server: Server, event: "request" | "upgrade"): () => void => {
  const held: Array<Arguments> = []
  let take = (args: Arguments): unknown => held.push(args)
  const listener = (...args: Arguments): void => {
    // Node leaves the errors of an upgrade's socket to whoever takes it.
    args[0].socket.on("error", ignore)
    take(args)
  }
  const notice = (other: string | symbol): void => {
    if (other === event) {
      process.nextTick(() => {
        server.off("newListener", notice).off(event, listener)
        held.splice(0).forEach((args) => server.emit(event, ...args))
      })
    }
  }
  server.on(event, listener).on("newListener", notice)
  return () => {
    take = turnAway
    held.splice(0).forEach(take)
  }
}

/** Holds what comes to a server until somebody listens for it, or turns it away once what it returns is called. */
export const hold = (server: Server): () => void => {
  const ends = [holdEvent(server, "request"), holdEvent(server, "upgrade")]
  return () => ends.forEach((end) => end())
}
