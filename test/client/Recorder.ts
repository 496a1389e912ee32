/** Writes down what an observer hears, in order. */
import * as Duration from "effect/Duration"
import type { Observer } from "../../src/client/Observer.js"

export class Recorder implements Observer {
  readonly heard: Array<ReadonlyArray<unknown>> = []

  connected(id: string): void {
    this.heard.push(["connected", id])
  }

  disconnected(...args: Parameters<Observer["disconnected"]>): void {
    this.heard.push(["disconnected", ...args])
  }

  reconnecting(attempt: number, delay: Duration.Duration): void {
    this.heard.push(["reconnecting", attempt, Duration.toMillis(delay)])
  }

  heartbeatTimeout(willReconnect: boolean): void {
    this.heard.push(["heartbeatTimeout", willReconnect])
  }

  update(message: unknown): void {
    this.heard.push(["update", message])
  }

  gap(path: string): void {
    this.heard.push(["gap", path])
  }

  revoked(path: string): void {
    this.heard.push(["revoked", path])
  }

  error(error: Error & { readonly type: string }): void {
    this.heard.push(["error", error.type, error.message])
  }

  changed(): void {}

  /** What was heard since the last time. */
  take(): ReadonlyArray<ReadonlyArray<unknown>> {
    return this.heard.splice(0)
  }

  /** The names alone. */
  names(): ReadonlyArray<unknown> {
    return this.take().map(([name]) => name)
  }
}
