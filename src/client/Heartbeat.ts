/** The watch over a connection's liveness (wire protocol 2.4, "Liveness"). */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Message from "../protocol/Message.js"
import * as Deadline from "./Deadline.js"

/** Remembers when something last arrived. An arrival costs one reading of the clock and no timer. */
export class Heartbeat {
  /** How long the server may be silent, in nanoseconds; `undefined` where it has no heartbeat. */
  private patience: bigint | undefined
  private last: bigint

  constructor(private readonly clock: Clock.Clock) {
    this.last = clock.monotonicTimeNanosUnsafe()
  }

  /** Takes the server's settings, as its hello has them. */
  set(heartbeat: Message.Heartbeat | undefined): void {
    this.patience = heartbeat ? BigInt(Math.ceil((heartbeat.interval + heartbeat.timeout) * 1e6)) : undefined
    this.beat()
  }

  /** Something arrived. */
  beat(): void {
    if (this.patience !== undefined) {
      this.last = this.clock.monotonicTimeNanosUnsafe()
    }
  }

  /** Ends with `true` when nothing arrived for too long, with `false` where the server has no heartbeat. */
  silence(): Effect.Effect<boolean> {
    return Deadline.pass(this.clock, () => this.patience === undefined ? undefined : this.last + this.patience)
  }
}
