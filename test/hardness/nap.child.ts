/** Who naps: a client, or a server, in a process of its own. How it falls asleep, and when, is told by its arguments. */
import { existsSync } from "node:fs"
import type { Client } from "../../src/client/Client.js"
import type { Service } from "../../src/client/NesClient.js"
import { emit, serve } from "../harness/ChildEndpoint.js"
import type { Sleep, Who } from "./Naps.js"

/** Of a server that naps, unless told otherwise (ms). */
const usual = { interval: 300, timeout: 200 }

/** For how long a call and an opening are waited for (ms). */
const timeout = 400

const [who, sleep, alarm] = process.argv.slice(2) as [Who, Sleep, string]

const stop = (): void => void process.kill(process.pid, "SIGSTOP")

const spin = (until: () => boolean): void => {
  while (!until()) {
    // A busy loop.
  }
}

let naps = 0

// The application's own timers are late as well, and take their time: what they delay is not judged late either.
const loop = (): void => {
  for (let ms = 5; ms < timeout; ms += 5) {
    setTimeout(() => {
      const end = performance.now() + 2
      spin(() => performance.now() > end)
    }, ms)
  }
  spin(() => existsSync(`${alarm}-${naps}`))
}

const fallAsleep = (): void => {
  naps++
  if (sleep === "SIGSTOP") {
    stop()
  } else {
    loop()
  }
}

// What this turn of the loop has written has left by then, and nothing has been read since.
const nap = (): void => void setImmediate(fallAsleep)

const heard: Array<string> = []

// Each loads what it needs, and no more.
const plain = async () => {
  const { Client } = await import("../../src/client/Client.js")
  let client: Client
  return {
    connect: async (url: string) => {
      client = new Client(url, { timeout })
      client.onError = (error) => heard.push(error.message)
      client.onDisconnect = () => heard.push("disconnected")
      await client.connect({ timeout, helloTimeout: timeout, reconnect: false })
    },
    message: async () => {
      const answer = client.message("nap")
      nap()
      return (await answer).payload
    },
    disconnect: () => client.disconnect()
  }
}

const effect = async () => {
  const [Effect, Exit, Scope, NesClient] = await Promise.all([
    import("effect/Effect"),
    import("effect/Exit"),
    import("effect/Scope"),
    import("../../src/client/NesClient.js")
  ])
  const scope = Scope.makeUnsafe()
  let client: Service
  return {
    connect: async (url: string) => {
      client = await Effect.runPromise(
        Scope.provide(NesClient.make({ url, timeout, connectTimeout: timeout, reconnect: false }), scope)
      )
    },
    message: async () => {
      const answer = Effect.runPromise(client.message("nap"))
      nap()
      return await answer
    },
    disconnect: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const server = async () => {
  const [{ default: Hapi }, Nes] = await Promise.all([import("@hapi/hapi"), import("../../src/hapi.js")])
  const hapi = Hapi.server({ port: 0, host: "127.0.0.1" })
  let wanted = 0
  let falls = false
  return {
    hapi,
    start: async (other: unknown) => {
      await hapi.register({ plugin: Nes.plugin, options: { heartbeat: other as typeof usual ?? usual } })
      await hapi.start()
      const { node } = hapi.plugins.nes
      // Comes with each ping: the round is over with this turn of the loop.
      Object.assign(node, {
        verify: () => {
          if (wanted > 0 && !falls) {
            wanted--
            falls = true
            setImmediate(() => {
              emit("asleep", node.totals.sentPing)
              fallAsleep()
              // A round that is due by then is begun before that, and is let pass.
              setImmediate(() =>
                setImmediate(() => {
                  falls = false
                  emit("awake")
                })
              )
            })
          }
        }
      })
      return hapi.info.uri.replace("http", "ws")
    },
    // From the next round on, in each, so that there is none to which others have to answer in time.
    nap: (count: unknown) => {
      wanted = Number(count)
    },
    missed: () => hapi.plugins.nes.node.totals.heartbeatsMissed
  }
}

if (who === "server") {
  const { hapi, ...handlers } = await server()
  serve(handlers, () => hapi.stop({ timeout: 0 }))
} else {
  const { connect, disconnect, message } = await (who === "Client" ? plain() : effect())
  serve({ connect: (url) => connect(String(url)), message, heard: () => heard.splice(0) }, disconnect)
}
