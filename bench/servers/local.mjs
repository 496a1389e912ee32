/**
 * This package's hapi plugin on one node, told what to publish by another process over a bare TCP connection: what a
 * fan-out costs that the publisher does not share a processor with, as in a cluster, but with no broker.
 */
import * as Nes from "effect-nes/hapi"
import { connect, createServer } from "node:net"
import { createInterface } from "node:readline"
import * as Plugin from "./Plugin.mjs"

const listen = async (server) => {
  const control = createServer((socket) => {
    createInterface(socket).on("line", (line) => {
      const { message, path } = JSON.parse(line)
      void server.publish(path, message)
    })
  })
  await new Promise((resolve) => control.listen(0, "127.0.0.1", resolve))
  return control.address().port
}

/** `feed` is the port of the node to tell; without it, this is that node. */
export const start = async ({ feed, ...options }) => {
  if (feed === undefined) {
    const server = await Plugin.start(Nes, options)
    return { ...server, feed: await listen(server) }
  }
  const socket = connect({ host: "127.0.0.1", port: feed, noDelay: true })
  return { publish: (path, message) => socket.write(`${JSON.stringify({ path, message })}\n`) }
}
