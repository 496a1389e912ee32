/** What the scripts share: the repository's root, its manifest, running a tool, and giving up. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** package.json. */
export const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

/** Runs a program in the repository's root with our output; returns its exit code (1 when a signal ended it). */
export const run = (command, args, options = {}) => {
  const { error, status } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options })
  if (error !== undefined) {
    console.error(`${command}: ${error.message}`)
  }
  return status ?? 1
}

/** Prints why, and ends the process with code 1. */
export const fail = (message) => {
  console.error(message)
  process.exit(1)
}
