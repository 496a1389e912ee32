#!/usr/bin/env node
/** `npx effect-nes`: runs a command, and ends with a status that says how it went. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { run } from "./Commands.js"
import { exitCodes } from "./Output.js"

// Whoever reads our output may have read enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))

const fiber = Effect.runFork(run(process.argv.slice(2)))
process.once("SIGINT", () => fiber.interruptUnsafe())
process.once("SIGTERM", () => fiber.interruptUnsafe())
const exit = await Effect.runPromise(Fiber.await(fiber))
if (Exit.isFailure(exit) && Exit.hasDies(exit)) {
  console.error(Cause.pretty(exit.cause))
}
process.exitCode = Exit.isSuccess(exit) ? exit.value : exitCodes.interrupted
