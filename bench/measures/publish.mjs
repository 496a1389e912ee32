/** Publishes to subscribers that drain bytes. */
import { withServer } from "./Server.mjs"

/** The part of a scenario's plan that `ticks` turns make, for the server and for the load. */
const plan = (scenario, ticks, ticksPerRound, perTick) => {
  const { connections, internal, paths, server, users } = scenario
  const body = "x".repeat(scenario.body)
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

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, server }) => {
    const { connections, paths, perTick, ticks, ticksPerRound, users, warmup } = scenario
    await load.call("connect", { count: connections, paths, users })

    // What the load finds wrong must be heard while the server still waits for it.
    const both = async (command, part, role) => {
      await load.call(role, part.load)
      return Promise.all([server.call(command, part.server), load.call("arrived")])
    }
    await both("publish", sample(scenario), "listen")
    if (warmup > 0) await both("publish", plan(scenario, warmup, ticksPerRound, perTick), "drain")
    const measured = plan(scenario, ticks, ticksPerRound, perTick)
    const [cpu, { bytes }] = await both("measurePublish", measured, "drain")
    return { cost: cpu / (scenario.per === "publish" ? measured.publishes : measured.deliveries), bytes }
  })
