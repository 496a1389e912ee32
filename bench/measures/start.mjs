/**
 * Starting: a process of its own loads the module and ends. The time is the whole process's, as somebody waits for it,
 * the least of several: what else the machine does can only add to it.
 */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const cwd = fileURLToPath(new URL("../..", import.meta.url))

export const measure = async (_context, scenario, peer) => {
  const times = Array.from({ length: scenario.times }, () => {
    const since = performance.now()
    const { status, stderr } = spawnSync(process.execPath, ["--eval", scenario.programs[peer]], {
      cwd,
      encoding: "utf8"
    })
    if (status !== 0) throw new Error(stderr)
    return performance.now() - since
  })
  return { cost: Math.min(...times) }
}
