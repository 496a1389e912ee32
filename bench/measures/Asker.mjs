/** One client that asks again and again, from a process of its own: the load may be too busy to hear the answers. */
import { start } from "../process/Child.mjs"

const main = new URL("../load/main.mjs", import.meta.url)

/**
 * Lets a client ask while `run` runs; answers what that does, and when each request was due and was answered (ms).
 *
 * @template A
 * @param {{ port: number, peer: string, auth?: unknown, every: number, path: string, result: unknown }} options
 * @param {() => Promise<A>} run
 * @returns {Promise<{ done: A, asked: Array<[due: number, answered: number]> }>}
 */
export const whileAsking = async ({ auth, every, path, peer, port, result }, run) => {
  const asker = await start(main)
  try {
    await asker.call("asker", { auth, path, peer, port, result })
    const asking = asker.call("askEvery", { every, within: 120_000 }, 150_000)
    const done = await Promise.race([run(), asking.then(() => Promise.reject(new Error("nobody asks any more")))])
    const asked = await asker.call("endAsking")
    return { asked, done }
  } finally {
    await asker.stop()
  }
}

/** How long requests took that were waiting within these times. */
export const durations = (asked, from = -Infinity, to = Infinity) =>
  asked.flatMap(([due, answered]) => answered >= from && due <= to ? [answered - due] : [])
