/**
 * What a process spends, measured inside it: CPU time (user and system, µs) and heap (bytes). Optionally a CPU profile
 * of exactly the measured part.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { Session } from "node:inspector"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"

/** Waits until what one turn of the event loop set off has run. */
export const settle = async () => {
  await setImmediate()
  await setImmediate()
}

const collect = async () => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc()
    await setImmediate()
  }
}

/** Bytes of live JavaScript heap, after a full collection. */
export const heap = async () => {
  await collect()
  return process.memoryUsage().heapUsed
}

const profiler = (directory, name) => {
  if (!directory) return { start: () => undefined, stop: () => undefined }
  const session = new Session()
  session.connect()
  const post = (method, params) => {
    let answer
    session.post(method, params, (error, result) => {
      if (error) throw error
      answer = result
    })
    return answer
  }
  post("Profiler.enable")
  post("Profiler.setSamplingInterval", { interval: 200 })
  return {
    start: () => post("Profiler.start"),
    stop: () => {
      const { profile } = post("Profiler.stop")
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, `${name}-${process.pid}.cpuprofile`), JSON.stringify(profile))
    }
  }
}

/**
 * A stopwatch for CPU time. `start` collects garbage first, so that every peer begins with an empty nursery; garbage
 * made by the measured work is part of its cost.
 */
export const meter = (name) => {
  const profile = profiler(process.env.BENCH_PROFILE, name)
  let begin
  return {
    start: async () => {
      await collect()
      profile.start()
      begin = process.cpuUsage()
    },
    /** @returns {number} µs of CPU since `start` */
    read: () => {
      const { system, user } = process.cpuUsage(begin)
      return user + system
    },
    /** @returns {number} µs of CPU since `start`; ends the profile */
    stop: () => {
      const { system, user } = process.cpuUsage(begin)
      profile.stop()
      return user + system
    }
  }
}
