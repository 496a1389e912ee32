/**
 * The orchestrator's end of a child process: commands go over IPC, each bounded in time, and no child outlives the run.
 */
import { fork } from "node:child_process"
import { once } from "node:events"

const living = new Set()

/** Kills every child that still runs. Called when the run ends, whichever way it ends. */
export const killAll = () => {
  for (const child of living) child.kill("SIGKILL")
}

process.once("exit", killAll)
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    killAll()
    process.exit(1)
  })
}

/** A peer that cannot run in this checkout (not built, not written yet): the row says so, the run goes on. */
export class Unavailable extends Error {}

/**
 * A child process that answers commands.
 *
 * @typedef {object} Child
 * @property {(command: string, argument?: unknown, timeout?: number) => Promise<any>} call sends a command and waits for
 *   its answer, at most `timeout` ms
 * @property {() => Promise<void>} stop ends the process
 */

/**
 * Starts `file` (a module that calls `serve` of Commands.mjs) in a process of its own.
 *
 * @param {URL} file
 * @param {ReadonlyArray<string>} args
 * @returns {Promise<Child>}
 */
export const start = async (file, args = []) => {
  const name = [file.pathname.split("/").slice(-2).join("/"), ...args].join(" ")
  const child = fork(file, args, { execArgv: ["--expose-gc"], stdio: ["ignore", "inherit", "inherit", "ipc"] })
  const pending = new Map()
  let calls = 0
  let stopping = false
  living.add(child)

  const failAll = (error) => {
    for (const { reject, timer } of pending.values()) {
      clearTimeout(timer)
      reject(error)
    }
    pending.clear()
  }
  child.on("error", failAll)
  child.on("exit", (code, signal) => {
    living.delete(child)
    if (!stopping) failAll(new Error(`${name} exited (${signal ?? code})`))
  })
  child.on("message", ({ id, value, error, unavailable }) => {
    const call = pending.get(id)
    if (call === undefined) return
    pending.delete(id)
    clearTimeout(call.timer)
    if (error === undefined) call.resolve(value)
    else call.reject(new (unavailable ? Unavailable : Error)(`${name}: ${error}`))
  })

  const call = (command, argument, timeout = 60_000) =>
    new Promise((resolve, reject) => {
      const id = ++calls
      const timer = setTimeout(() => {
        pending.delete(id)
        reject(new Error(`${name}: ${command} took more than ${timeout} ms`))
      }, timeout)
      pending.set(id, { resolve, reject, timer })
      child.send({ id, command, argument }, (error) => {
        if (error && pending.delete(id)) {
          clearTimeout(timer)
          reject(error)
        }
      })
    })

  const stop = async () => {
    stopping = true
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit")
      // Servers hold thousands of sockets whose orderly end nobody measures.
      child.kill("SIGKILL")
      await exited
    }
    failAll(new Error(`${name} was stopped`))
  }

  await call("ready", undefined, 30_000)
  return { call, stop }
}
