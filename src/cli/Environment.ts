/** What Effect's command line asks of the platform, as far as ours uses it: `@effect/platform-node` need not be there. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Queue from "effect/Queue"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"

const unused = Effect.die(new Error("The command line neither reads from a terminal nor starts a process"))

// Effect's wizard would ask at a terminal: it is left at once.
const ended = Effect.tap(Queue.unbounded<Terminal.UserInput, Cause.Done>(), Queue.end)

export const layer = Layer.mergeAll(
  FileSystem.layerNoop({}),
  Path.layer,
  Stdio.layerTest({}),
  Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.sync(() => process.stdout.columns || 80),
      rows: Effect.sync(() => process.stdout.rows || 24),
      size: unused,
      readInput: ended,
      readLine: Effect.fail(new Terminal.QuitError()),
      display: (text) => Effect.sync(() => void process.stdout.write(text))
    })
  ),
  Layer.succeed(
    ChildProcessSpawner.ChildProcessSpawner,
    ChildProcessSpawner.make(() => unused)
  )
)
