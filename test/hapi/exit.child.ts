/** A server that never served anybody; what it was for is over when this program has come to its end. */
import Hapi from "@hapi/hapi"
import * as Nes from "../../src/hapi.js"

const how = process.argv[2]
const server = Hapi.server({ port: 0, host: "127.0.0.1" })
await server.register({ plugin: Nes, options: { auth: { type: "token" } } })
server.subscription("/item/{id}", { recovery: true })
server.route({ method: "GET", path: "/", handler: () => "hello" })
if (how === "failed") {
  server.ext("onPreStart", () => {
    throw new Error("no database")
  })
  await server.start().catch(() => {})
} else if (how === "initialised") {
  await server.initialize()
  await server.inject("/")
  await server.publish("/item/5", 1)
} else if (how === "stopped") {
  await server.start()
  await server.stop()
}
console.log("end of", how)
