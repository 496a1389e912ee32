/**
 * A server that what it is made of can refer to: an application whose handlers publish is there before the server is.
 */
import * as Effect from "effect/Effect"
import type { Service } from "../server/NesServer.js"

/** A server that is yet to be made. */
export class ServerRef {
  private made: Service | undefined

  /** The server for those it is made of. It may be taken apart at once, and used when it is complete; before, it dies. */
  readonly service: Service = referring(() => {
    if (!this.made) {
      throw new Error(
        "This NesServer is not complete yet: use it when requests come, or in a Layer that the server is provided to"
      )
    }
    return this.made
  })

  complete(made: Service): void {
    this.made = made
  }
}

const referring = (made: () => Service): Service => ({
  get node() {
    return made().node
  },
  subscription: (path, options) => Effect.suspend(() => made().subscription(path, options)),
  publish: (path, message, options) => Effect.suspend(() => made().publish(path, message, options)),
  broadcast: (message, options) => Effect.suspend(() => made().broadcast(message, options)),
  revoke: (target, path, message) => Effect.suspend(() => made().revoke(target, path, message)),
  disconnect: (target) => Effect.suspend(() => made().disconnect(target)),
  history: (path) => ({
    read: (options) => Effect.suspend(() => made().history(path).read(options)),
    clear: Effect.suspend(() => made().history(path).clear)
  }),
  count: (path) => Effect.suspend(() => made().count(path)),
  totals: Effect.suspend(() => made().totals),
  ready: Effect.suspend(() => made().ready),
  drain: (options) => Effect.suspend(() => made().drain(options)),
  connections: Effect.suspend(() => made().connections),
  join: Effect.suspend(() => made().join),
  listen: (server, options) => Effect.suspend(() => made().listen(server, options)),
  run: (options) => Effect.suspend(() => made().run(options))
})
