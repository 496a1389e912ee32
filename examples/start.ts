/** `npm start`: a server, two clients over real sockets, a connection cut on purpose, and a page. Ctrl-C ends it. */
import { setTimeout } from "node:timers/promises"
import * as EffectClient from "./effect-client.js"
import * as PlainClient from "./plain-client.js"
import { makeServer } from "./server.js"
import { choosePort, interrupted } from "./terminal.js"

const say = (text: string): void => console.log(`server           ${text}`)

const server = await makeServer(await choosePort("npm start", 8000))
await server.start()
const url = server.info.uri.replace("http", "ws")
say(`listens on ${server.info.uri}`)

const subscribed = async (count: number): Promise<void> => {
  let sockets = 0
  while (sockets < count) {
    await setTimeout(20)
    sockets = 0
    await server.eachSocket(() => sockets++, { subscription: "/item/5" })
  }
}

const effectClient = EffectClient.run(url)
const plainClient = PlainClient.run(url)

const show = async (): Promise<void> => {
  await plainClient
  await subscribed(2)

  say("publishes three updates of /item/5 and a broadcast")
  for (const status of ["packed", "shipped", "delivered"]) {
    await server.publish("/item/5", { id: 5, status })
  }
  await server.broadcast({ news: "all is well" })
  await setTimeout(100)

  say("cuts every connection on purpose")
  await server.eachSocket((socket) => socket.disconnect())
  await subscribed(2)

  say("sees both clients back, subscribed as before, and publishes three more")
  for (const status of ["returned", "refunded", "closed"]) {
    await server.publish("/item/5", { id: 5, status })
  }
  await effectClient

  say(`goes on serving at ${url}. Ctrl-C ends it.`)
  say(
    `Open ${server.info.uri} in a browser: a live page, whose connection you can cut, or restart this server under it.`
  )
  say("Or try, from another terminal in this folder:")
  console.log(
    `node -e "const { Client } = require('effect-nes/client'); const c = new Client('${url}'); `
      + `c.connect().then(() => c.request('hello')).then((r) => { console.log(r); return c.disconnect() })"`
  )
}

await Promise.race([show(), interrupted])
await interrupted
console.log()
say("stops: closing connections")
await plainClient.then((client) => client.disconnect())
await server.stop()
process.exit(0)
