#!/usr/bin/env node
/** `npx effect-nes`: runs a command, and ends with a status that says how it went. */
import * as Cause from "effect/Cause"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { readFileSync } from "node:fs"
import { root } from "./Commands.js"
import * as Environment from "./Environment.js"
import { exitCodes, Failed } from "./Output.js"

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

// Whoever reads our output may have read enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))

const run = Command.runWith(root, { version })(process.argv.slice(2)).pipe(
  Effect.as(0),
  Effect.catch((error) => Effect.succeed(error instanceof Failed ? error.exitCode : exitCodes.usage)),
  Effect.provide(Environment.layer)
)

const fiber = Effect.runFork(run)
process.once("SIGINT", () => fiber.interruptUnsafe())
process.once("SIGTERM", () => fiber.interruptUnsafe())
const exit = await Effect.runPromise(Fiber.await(fiber))
if (Exit.isFailure(exit) && Exit.hasDies(exit)) {
  console.error(Cause.pretty(exit.cause))
}
process.exitCode = Exit.isSuccess(exit) ? exit.value : exitCodes.interrupted
