/** The client of the recipes' pages, which notes whatever is called after `disconnect()`. */
import { Client as Real } from "effect-nes-dist"

const probe = globalThis.probe ??= { late: [], calls: [] }

export class Client extends Real {
  #wanted = false
  #wrapped = new Map()

  constructor(...args) {
    super(...args)
    for (const name of ["onConnect", "onUpdate", "onError", "onHeartbeatTimeout"]) {
      let given = this[name]
      Object.defineProperty(this, name, {
        get: () => given && this.#watch(name, given),
        set: (handler) => {
          given = handler
        }
      })
    }
  }

  #watch(name, handler) {
    return (...args) => {
      if (!this.#wanted) {
        probe.late.push(name)
      }
      return handler.apply(this, args)
    }
  }

  connect(...args) {
    this.#wanted = true
    probe.calls.push("connect")
    return super.connect(...args)
  }

  disconnect(...args) {
    this.#wanted = false
    probe.calls.push("disconnect")
    return super.disconnect(...args)
  }

  subscribe(path, handler, ...args) {
    this.#wrapped.set(handler, this.#watch(path, handler))
    return super.subscribe(path, this.#wrapped.get(handler), ...args)
  }

  unsubscribe(path, handler, ...args) {
    return super.unsubscribe(path, this.#wrapped.get(handler) ?? handler, ...args)
  }
}
