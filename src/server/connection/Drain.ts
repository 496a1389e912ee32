/** Sends clients away, so that they come back to another node. */
import * as Effect from "effect/Effect"
import { serviceRestart } from "../../protocol/CloseCode.js"
import type { Connection } from "./Connection.js"
import type { Timing } from "./Deadlines.js"

/** How clients are sent away. */
export interface DrainOptions {
  /** Over how long a time (ms), so that not all come back at once. Default: 0. */
  readonly within?: number | undefined
  /** The code of the close frame. Default: 1012, "service restart", where `within` is given; else none. */
  readonly code?: number | undefined
  readonly reason?: string | undefined
}

// How long one wait is at least (ms): those of thousands of connections would cost more than they are worth.
const stride = 10

/** Closes connections one after another over a time, each as soon as none of its messages is being answered. */
export const sendAway = async (
  connections: ReadonlyArray<Connection>,
  { within = 0, code = within > 0 ? serviceRestart : undefined, reason }: DrainOptions,
  { clock, fork }: Timing
): Promise<void> => {
  const from = clock.currentTimeMillisUnsafe()
  const closing: Array<Promise<void>> = []
  for (const [index, connection] of connections.entries()) {
    const wait = from + (within * index) / connections.length - clock.currentTimeMillisUnsafe()
    if (wait >= stride) {
      await new Promise<void>((resolve) => void fork(Effect.andThen(Effect.sleep(wait), Effect.sync(resolve))))
    }
    const idle = connection.stage === "ready" ? connection.idle : Promise.resolve()
    closing.push(idle.then(() => connection.close(code, reason)))
  }
  await Promise.all(closing)
}
