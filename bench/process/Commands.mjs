/**
 * The child's end of a child process: answers the orchestrator's commands, and exits when the orchestrator is gone.
 */

/**
 * @param {Record<string, (argument: any) => unknown>} commands
 */
export const serve = (commands) => {
  const all = { ready: () => undefined, ...commands }
  process.on("disconnect", () => process.exit(1))
  process.on("message", async ({ id, command, argument }) => {
    try {
      process.send({ id, value: await all[command](argument) })
    } catch (error) {
      process.send({ id, error: error.stack ?? String(error), unavailable: error.unavailable === true })
    }
  })
}
