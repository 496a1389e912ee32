/**
 * Whole heartbeat rounds: ping to all, their answers, and the check that follows.
 *
 * Nothing else runs, so the CPU between two quiet moments is that of what happened between. The load holds its answers
 * back until the pings have been paid for, which tells the server's own part (`cost`: pings and check) from what the
 * answers cost it (`answered`: everything). socket.io has a timer for each connection and no rounds: there only the
 * whole can be told.
 */
import { setTimeout } from "node:timers/promises"
import { hear } from "./publish.mjs"
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, server }) => {
    const { connections, paths, rounds } = scenario
    const { timeout } = scenario.server.heartbeat
    // Pings, answers and the check are each a quarter of the timeout or more apart.
    const pause = () => setTimeout(timeout / 4)
    // From after the answers to after the check, well before the next round.
    const quiet = () => setTimeout(timeout)
    await load.call("connect", { count: connections, paths })
    // A round is over in no time, and the next one seconds away: the way out to a socket is warmed up otherwise.
    await hear({ load, server }, scenario, scenario.warmup)
    await load.call("answerHeartbeats", { hold: peer !== "socket.io" })
    await load.call("heartbeat")
    await load.call("answer")
    await quiet()
    await server.call("begin")
    let answers = 0
    for (let round = 0; round < rounds; round++) {
      await load.call("heartbeat")
      await pause()
      const before = await server.call("read")
      await load.call("answer")
      await pause()
      answers += await server.call("read") - before
    }
    await quiet()
    const all = await server.call("end")
    return { ...(peer !== "socket.io" && { cost: (all - answers) / rounds / 1000 }), answered: all / rounds / 1000 }
  })
