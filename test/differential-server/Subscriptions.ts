/** The subscriptions of the application: each shape of path, filter, hook and authentication once. */
import Boom from "@hapi/boom"
import type * as Hapi from "@hapi/hapi"
import { decorations, type Socket } from "../interop/peers/Plugin.js"
import type { Gate, Recorder } from "./Application.js"

interface FilterOptions {
  readonly socket: Socket
  readonly credentials: unknown
  readonly params: Readonly<Record<string, string>>
  readonly internal: unknown
}

/** What a filter does with a message is in the message: `{ filter: "override", value }`. */
const filter = (record: Recorder) => (path: string, message: unknown, options: FilterOptions): unknown => {
  record("filter", path, message, options.socket.id, options.credentials, options.params, options.internal)
  const { filter: what, only, value } = (message ?? {}) as {
    readonly filter?: unknown
    readonly only?: unknown
    readonly value?: unknown
  }
  switch (what) {
    case "no":
      return false
    case "override":
      return { override: value }
    case "override undefined":
      return { override: undefined }
    case "object":
      return {}
    case "truthy":
      return 1
    case "undefined":
      return undefined
    case "later":
      return new Promise((resolve) => setImmediate(() => resolve(true)))
    case "throw":
      throw new Error("the filter failed")
    case "boom":
      throw Boom.forbidden("no")
    case "reject":
      return Promise.reject(new Error("the filter rejected"))
    case "only internal":
      return options.internal === only
    case "only user":
      return (options.credentials as { readonly user?: unknown } | null)?.user === only
    case "change":
      ;(message as { count: number }).count++
      return true
    case "leave":
      return options.socket.revoke(path, { left: true }).then(() => true)
    default:
      return true
  }
}

const hookFailure = (path: string, gate: Gate): unknown => {
  switch (path.split("/").at(-1)) {
    case "throw":
      throw new Error("a secret of the server")
    case "boom":
      throw Boom.paymentRequired("pay first", { price: 5 })
    case "headers":
      throw Boom.unauthorized("who", "Basic", { realm: "x" })
    case "reject":
      return Promise.reject(Boom.badGateway("rejected"))
    case "string":
      throw "not an Error"
    case "hang":
      return new Promise(() => {})
    case "later":
      return new Promise((resolve) => setImmediate(resolve))
    case "gate":
      return gate.opened
    default:
      return undefined
  }
}

const open = (server: Hapi.Server, record: Recorder, gate: Gate): void => {
  const nes = decorations(server)
  nes.subscription("/")
  nes.subscription("/o")
  nes.subscription("/item/{id}")
  nes.subscription("/deep/{a}/{b}")
  nes.subscription("/rest/{path*}")
  nes.subscription("/two/{path*2}")
  nes.subscription("/maybe/{b?}")
  nes.subscription("/mixed/{name}.json")
  nes.subscription("/Case")
  nes.subscription("/filtered/{id}", { filter: filter(record) })
  nes.subscription("/filtered-whole", { filter: filter(record) })
  nes.subscription("/hooked/{what}", {
    onSubscribe: (socket: Socket, path: string, params: unknown) => {
      record("onSubscribe", socket.id, path, params)
      return hookFailure(path, gate)
    },
    onUnsubscribe: (socket: Socket, path: string, params: unknown) => {
      record("onUnsubscribe", socket.id, path, params)
    }
  })
  nes.subscription("/counted/{id}", {
    filter: (...args: ReadonlyArray<unknown>) => {
      record("filter arguments", args.length)
      return true
    },
    onSubscribe: (...args: ReadonlyArray<unknown>) => record("onSubscribe arguments", args.length),
    onUnsubscribe: (...args: ReadonlyArray<unknown>) => record("onUnsubscribe arguments", args.length)
  })
  nes.subscription("/farewell", {
    onUnsubscribe: async (socket: Socket) => {
      await new Promise((resolve) => setImmediate(resolve))
      await socket.send("farewell")
    }
  })
  nes.subscription("/unhooked/{what}", {
    onUnsubscribe: (socket: Socket, path: string, params: unknown) => {
      record("onUnsubscribe", socket.id, path, params)
      return hookFailure(path, gate)
    }
  })
  nes.subscription("/greeting", {
    onSubscribe: (socket: Socket, path: string) => socket.publish(path, "welcome")
  })
  nes.subscription("/greeting-sync", {
    onSubscribe: (socket: Socket, path: string) => {
      void socket.send({ greeting: path })
    }
  })
}

const authenticated = (server: Hapi.Server, record: Recorder): void => {
  const nes = decorations(server)
  nes.subscription("/auth/false", { auth: false })
  nes.subscription("/auth/required", { auth: { mode: "required" } })
  nes.subscription("/auth/empty", { auth: {} })
  nes.subscription("/auth/optional", { auth: { mode: "optional" } })
  nes.subscription("/auth/scope", { auth: { scope: "a" } })
  nes.subscription("/auth/scopes", { auth: { scope: ["a", "b"] } })
  nes.subscription("/auth/scope-optional", { auth: { mode: "optional", scope: "a" } })
  nes.subscription("/auth/scope-param/{id}", { auth: { scope: ["item-{params.id}"] } })
  nes.subscription("/auth/scope-whole-param/{id}", { auth: { scope: ["{params.id}"] } })
  nes.subscription("/auth/scope-required", { auth: { scope: ["+a", "admin"] } })
  nes.subscription("/auth/scope-plus", { auth: { scope: ["+a"] } })
  nes.subscription("/auth/scope-forbidden", { auth: { scope: ["!b", "item-5", "a"] } })
  nes.subscription("/auth/user", { auth: { entity: "user" } })
  nes.subscription("/auth/app", { auth: { entity: "app" } })
  nes.subscription("/auth/any", { auth: { entity: "any" } })
  nes.subscription("/auth/index", { auth: { index: true } })
  nes.subscription("/auth/index/{id}", { auth: { index: true }, filter: filter(record) })
  nes.subscription("/auth/index-optional", { auth: { mode: "optional", index: true } })
}

/** Declares them; those that need authentication only where the server has some. */
export const registerSubscriptions = (server: Hapi.Server, withAuth: boolean, record: Recorder, gate: Gate): void => {
  open(server, record, gate)
  if (withAuth) {
    authenticated(server, record)
  }
}
