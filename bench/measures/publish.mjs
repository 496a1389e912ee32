/** Publishes to subscribers that drain bytes. */
import { withServer } from "./Server.mjs"

/** Text of this length in which words come again and again, as they do in what people and programs write. */
const words = (length) => {
  let seed = 1
  const next = (below) => (seed = (48_271 * seed) % 0x7fffffff) % below
  const vocabulary = Array.from({ length: 200 }, () => next(0x7fffffff).toString(36).slice(0, 2 + next(6)))
  let text = ""
  while (text.length < length) text += `${vocabulary[next(vocabulary.length)]} `
  return text.slice(0, length)
}

/** The part of a scenario's plan that `ticks` turns make, for the server and for the load. */
export const plan = (scenario, ticks, ticksPerRound, perTick) => {
  const { connections, internal, paths, server, users } = scenario
  const body = scenario.words ? words(scenario.body) : "x".repeat(scenario.body)
  const publishes = ticks * perTick
  const targets = paths.length * (users?.length ?? 1)
  const perPublish = connections / targets
  return {
    deliveries: publishes * perPublish,
    publishes,
    server: { ticks, perTick, ticksPerRound, paths, users, internal, message: body },
    load: {
      path: paths[0],
      body,
      message: { seq: 100_000, body },
      maxChunkChars: server.maxChunkChars,
      rounds: ticks / ticksPerRound,
      perRound: ticksPerRound * perTick * perPublish,
      publishes,
      targets
    }
  }
}

/** One update for everybody, which the load reads word for word. */
const sample = (scenario) => {
  const ticks = scenario.paths.length
  return plan(scenario, ticks, ticks, scenario.users?.length ?? 1)
}

/** Publishes what `part` tells, while the load checks it in the given role; answers what either answers. */
const both = async ({ load, server }, command, part, role) => {
  await load.call(role, part.load)
  // What the load finds wrong must be heard while the server still waits for it.
  return Promise.all([server.call(command, part.server), load.call("arrived")])
}

/** Everybody hears an update `times` over, read word for word. */
export const hear = async (processes, scenario, times = 1) => {
  for (let i = 0; i < times; i++) await both(processes, "publish", sample(scenario), "listen")
}

/** Connects everybody and warms the server up; where that would take too long, with a part of the crowd and its paths. */
const prepare = async (processes, scenario) => {
  const { connections, paths, ticksPerRound, users, warmCrowd, warmup } = scenario
  const first = warmCrowd === undefined
    ? scenario
    : { ...scenario, ...warmCrowd, paths: paths.slice(0, warmCrowd.paths) }
  await processes.load.call("connect", { count: first.connections, paths: first.paths, users })
  await hear(processes, first)
  await both(processes, "publish", plan(first, warmup, ticksPerRound, first.perTick), "drain")
  if (first !== scenario) {
    const rest = { count: connections - first.connections, paths: paths.slice(first.paths.length) }
    await processes.load.call("connect", rest)
    await hear(processes, scenario)
  }
}

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async (processes) => {
    const { per, perTick, ticks, ticksPerRound } = scenario
    await prepare(processes, scenario)
    const measured = plan(scenario, ticks, ticksPerRound, perTick)
    const [cpu, { bytes }] = await both(processes, "measurePublish", measured, "drain")
    return {
      cost: cpu / (per === "publish" ? measured.publishes : measured.deliveries),
      bytes,
      each: bytes / measured.deliveries
    }
  })
