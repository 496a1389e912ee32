/** A client process: `main.mjs PEER`. It measures what clients spend on what the load process feeds them. */
import { connect } from "node:net"
import { serve } from "../process/Commands.mjs"
import { meter } from "../process/Cost.mjs"

const peer = process.argv[2]
let clients
let meters

/** What is still to come to all clients together, and who waits for it. */
const due = { count: 0, done: undefined, failed: undefined }
let received

/** Checks that one client's updates follow one another. `onRound` is called when all clients have had one more each. */
const receiver = (body, onRound) => {
  let next = 0
  return ({ body: got, seq }) => {
    if (seq !== 100_000 + next || got !== body) due.failed(new Error(`update ${seq} came as number ${next}`))
    next++
    if (--due.count % clients.length === 0) onRound?.()
    if (due.count === 0) due.done()
  }
}

const heard = new Set()

serve({
  connect: async ({ count, name, url }) => {
    const adapter = await import(`./${peer}.mjs`).catch((cause) => {
      if (cause.code !== "ERR_MODULE_NOT_FOUND") throw cause
      throw Object.assign(new Error(cause.message), { unavailable: true })
    })
    meters = meter(`${name}-${peer}`)
    clients = await Promise.all(Array.from({ length: count }, () => adapter.connect(url)))
  },

  /** Subscribes every client, to these paths in turn. `control` is where to say with one byte that a round is in. */
  subscribe: async ({ body, control, path, paths = [path] }) => {
    const load = control && connect({ port: control, host: "127.0.0.1", noDelay: true })
    await Promise.all(
      clients.map((client, n) =>
        client.subscribe(paths[n % paths.length], receiver(body, load && (() => load.write("r"))))
      )
    )
  },
  /** Each client is to hear so many updates next. */
  expect: (count) => {
    due.count = count * clients.length
    received = new Promise((resolve, reject) => Object.assign(due, { done: resolve, failed: reject }))
    received.catch(() => undefined)
  },
  received: () => received,
  /** Subscribes one client to many paths, and notes on which it hears something. */
  follow: async ({ count, prefix }) => {
    const [client] = clients
    for (let from = 0; from < count; from += 1000) {
      const paths = Array.from({ length: Math.min(1000, count - from) }, (_, n) => `${prefix}${from + n}`)
      await Promise.all(paths.map((path) => client.subscribe(path, () => void heard.add(path))))
    }
  },
  heard: () => heard.size,
  begin: () => meters.start(),
  read: () => meters.read(),
  end: () => meters.stop(),

  /** Sends `total` requests, `inFlight` at a time; answers the CPU they took. */
  request: async ({ inFlight, path, result, total, warmup }) => {
    const [client] = clients
    const run = async (count) => {
      let sent = 0
      const worker = async () => {
        while (sent < count) {
          sent++
          const { payload, statusCode } = await client.request(path)
          if (statusCode !== 200 || payload.status !== result.status || payload.id !== result.id) {
            throw new Error(`a wrong answer arrived: ${statusCode} ${JSON.stringify(payload)}`)
          }
        }
      }
      await Promise.all(Array.from({ length: inFlight }, worker))
    }
    await run(warmup)
    await meters.start()
    await run(total)
    return meters.stop()
  }
})
