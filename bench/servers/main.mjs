/**
 * A server process: `main.mjs PEER`. It holds one peer's server behind the same commands for all, and measures its own
 * cost. Beside it listens a bare TCP port, on which the load process says with one byte that a round's bytes have all
 * arrived: cheaper than IPC, and the same for every peer.
 */
import { createServer } from "node:net"
import { setImmediate, setTimeout as sleep } from "node:timers/promises"
import { now } from "../process/Clock.mjs"
import { serve } from "../process/Commands.mjs"
import { heap, meter, settle } from "../process/Cost.mjs"
import { MemoryCrowd } from "./MemoryCrowd.mjs"

const peer = process.argv[2]
let server
let meters
let arrival
let unwatch
let crowd

const control = createServer((socket) => {
  socket.on("data", ({ length }) => arrival(length))
  socket.on("error", () => undefined)
})

/** Resolves when each load has said that a round is in. */
const everywhere = (loads) => new Promise((resolve) => (arrival = (count) => (loads -= count) <= 0 && resolve()))

/**
 * Publishes: `ticks` turns of the event loop with `perTick` publishes each; after every `ticksPerRound` it waits until
 * every load has everything. `paths` and `users` are taken in turn.
 */
const publish = async ({ internal, loads = 1, message, paths, perTick, ticks, ticksPerRound, users }, ended) => {
  let count = 0
  for (let tick = 1; tick <= ticks; tick++) {
    const arrived = tick % ticksPerRound === 0 && everywhere(loads)
    for (let i = 0; i < perTick; i++, count++) {
      server.publish(paths[count % paths.length], { seq: 100_000 + count, body: message }, {
        ...(internal && { internal }),
        ...(users && { user: users[count % users.length] })
      })
    }
    await (arrived || setImmediate())
    ended?.()
  }
  await settle()
}

/** Publishes `each` times to every path, to all of them at a time: each waits until it is out. `first` numbers the first. */
const publishAll = async ({ each, first, message, paths }) => {
  await Promise.all(paths.map(async (path) => {
    for (let n = first; n < first + each; n++) await server.publish(path, { seq: 100_000 + n, body: message })
  }))
  await settle()
}

/** Publishes once to each path, as often as it takes until it is out. */
const publishOnce = ({ message, paths }) =>
  Promise.all(paths.map(async (path) => {
    while (!await server.publish(path, message).then(() => true, () => false)) await sleep(10)
  }))

/** Publishes one by one, and answers how long each took to arrive everywhere (ms). */
const timePublish = async (plan) => {
  const durations = []
  let begun = performance.now()
  await publish(plan, () => {
    const now = performance.now()
    durations.push(now - begun)
    begun = now
  })
  return durations
}

/** How long the event loop is kept from everything else at most, from here on (ms). */
const watchLoop = () => {
  let last = performance.now()
  let longest = 0
  let watching = true
  const look = () => {
    const at = performance.now()
    longest = Math.max(longest, at - last)
    last = at
    if (watching) globalThis.setImmediate(look)
  }
  globalThis.setImmediate(look)
  return () => {
    look()
    watching = false
    return longest
  }
}

/** Publishes once, and waits until the load has everything; when that was, and how long the loop was kept meanwhile. */
const publishTimed = async ({ message, path }) => {
  const arrived = new Promise((resolve) => (arrival = resolve))
  const stop = watchLoop()
  await setImmediate()
  const at = now()
  void server.publish(path, message)
  await arrived
  const loop = stop()
  await settle()
  return { at, loop }
}

/** Publishes so often a second. */
const publishSteadily = async ({ message, path, perSecond, publishes }) => {
  for (let i = 0; i < publishes; i++) {
    void server.publish(path, message)
    await sleep(1000 / perSecond)
  }
}

serve({
  start: async ({ name, options }) => {
    const adapter = await import(`./${peer}.mjs`).catch((cause) => {
      if (cause.code !== "ERR_MODULE_NOT_FOUND") throw cause
      throw Object.assign(new Error(cause.message), { unavailable: true })
    })
    meters = meter(`${name}-${peer}`)
    server = await adapter.start(options)
    await new Promise((resolve) => control.listen(0, "127.0.0.1", resolve))
    return { port: server.port, feed: server.feed, control: control.address().port }
  },
  publish,
  timePublish,
  publishAll,
  publishOnce,
  publishTimed,
  publishSteadily,
  token: () => server.token(),
  measurePublish: async (plan) => {
    await meters.start()
    await publish(plan)
    return meters.stop()
  },
  begin: () => meters.start(),
  read: () => meters.read(),
  end: () => meters.stop(),
  heap,
  memory: async () => ({ heap: await heap(), resident: process.memoryUsage().rss }),
  watch: () => {
    unwatch = watchLoop()
  },
  longest: () => unwatch(),
  rehearse: ({ count, path }) => {
    crowd = new MemoryCrowd(server.listener, path)
    return crowd.open(count)
  },
  rehearseHeartbeat: async ({ silence }) => {
    await crowd.heartbeat(silence, meters.start)
    const cpu = meters.stop()
    return crowd.lost ? undefined : { round: cpu / 1000, loop: crowd.longest }
  }
})
