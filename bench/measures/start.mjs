/**
 * Starting: a process of its own loads the module and ends. The time is the whole process's, as somebody waits for it, and
 * its CPU time; of several the least: what else the machine does can only add to it.
 */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const cwd = fileURLToPath(new URL("../..", import.meta.url))

const report = `;process.on("exit", () => console.log(JSON.stringify(process.cpuUsage())))`

export const measure = async (_context, scenario, peer) => {
  const starts = Array.from({ length: scenario.times }, () => {
    const since = performance.now()
    const { status, stderr, stdout } = spawnSync(process.execPath, ["--eval", scenario.programs[peer] + report], {
      cwd,
      encoding: "utf8"
    })
    if (status !== 0) throw new Error(stderr)
    const { system, user } = JSON.parse(stdout)
    return { cost: performance.now() - since, cpu: (system + user) / 1000 }
  })
  const least = (metric) => Math.min(...starts.map((start) => start[metric]))
  return { cost: least("cost"), cpu: least("cpu") }
}
