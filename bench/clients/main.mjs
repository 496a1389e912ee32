/** A client process: `main.mjs PEER`. It measures what clients spend on what the load process feeds them. */
import { serve } from "../process/Commands.mjs"
import { meter } from "../process/Cost.mjs"

const peer = process.argv[2]
let clients
let meters

/** Checks that one client's updates follow one another, and tells when `warmup` and when all of them have come. */
class Reception {
  #next = 0

  constructor({ body, count, onAll, onError, onWarm, warmup }) {
    this.onUpdate = ({ body: got, seq }) => {
      if (seq !== 100_000 + this.#next || got !== body) {
        onError(new Error(`update ${seq} came as number ${this.#next}`))
        return
      }
      this.#next++
      if (this.#next === warmup) onWarm()
      else if (this.#next === warmup + count) onAll()
    }
  }
}

/** Resolves at the `count`th call of `done`. */
const countdown = (count) => {
  const self = {}
  self.promise = new Promise((resolve, reject) => {
    self.done = () => --count === 0 && resolve()
    self.fail = reject
  })
  self.promise.catch(() => undefined)
  return self
}

let warm
let all
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

  /** Subscribes every client, to these paths in turn; each is to hear `warmup` and then `count` updates. */
  subscribe: async ({ body, count, path, paths = [path], warmup }) => {
    warm = countdown(clients.length)
    all = countdown(clients.length)
    await Promise.all(clients.map((client, n) => {
      const reception = new Reception({ body, count, warmup, onWarm: warm.done, onAll: all.done, onError: all.fail })
      return client.subscribe(paths[n % paths.length], reception.onUpdate)
    }))
  },
  /** Subscribes one client to many paths, and notes on which it hears something. */
  follow: async ({ count, prefix }) => {
    const [client] = clients
    for (let from = 0; from < count; from += 1000) {
      const paths = Array.from({ length: Math.min(1000, count - from) }, (_, n) => `${prefix}${from + n}`)
      await Promise.all(paths.map((path) => client.subscribe(path, () => void heard.add(path))))
    }
  },
  heard: () => heard.size,
  warm: async () => {
    await Promise.race([warm.promise, all.promise])
    await meters.start()
  },
  received: async () => {
    await all.promise
    return meters.stop()
  },

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
