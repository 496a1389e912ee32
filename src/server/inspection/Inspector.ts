/** What operators see and do, over sockets of their own: apart from the application's connections, hooks and limits. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import * as CloseCode from "../../protocol/CloseCode.js"
import * as Operations from "../api/Operations.js"
import { Application, type Service } from "../Application.js"
import type { Awaitable } from "../Awaitable.js"
import { type Answers, Broker, makeMemory } from "../Broker.js"
import { errorAnswer } from "../conversation/ErrorAnswer.js"
import * as NesServer from "../NesServer.js"
import type { Node } from "../Node.js"
import * as Setting from "../SettingKinds.js"
import type { UpgradeRequest } from "../Settings.js"
import { byNumber, type Followed, type Inspection, type Matches, maxPaths, type Paths } from "./Inspection.js"

// How long a socket lasts before the application's authentication is asked anew (ms).
const maxAge = 10 * 60 * 1_000

const interval = "1 second"

const maxRows = 500

const isNatural = Schema.isGreaterThanOrEqualTo(0)

const Message = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("connections"),
    search: Schema.String,
    path: Schema.optional(Schema.String),
    from: Schema.Int.check(isNatural),
    count: Schema.Int.check(isNatural, Schema.isLessThanOrEqualTo(maxRows))
  }),
  Schema.Struct({ type: Schema.Literal("connection"), id: Schema.String }),
  Schema.Struct({ type: Schema.Literal("paths"), search: Schema.String }),
  Schema.Struct({ type: Schema.Literal("present"), path: Schema.String }),
  Schema.Struct({ type: Schema.Literal("send"), id: Schema.String, message: Schema.Json }),
  Schema.Struct({ type: Schema.Literal("disconnect"), socket: Schema.String }),
  Schema.Struct({ type: Schema.Literal("revoke"), socket: Schema.String, path: Schema.String })
])

const decode = Schema.decodeUnknownPromise(Message)

// Nodes in an order that stays, so that pages do.
const inOrder = <A>(answers: ReadonlyMap<string, A>): ReadonlyArray<readonly [node: string, answer: A]> =>
  Array.from(answers).toSorted(([a], [b]) => a < b ? -1 : 1)

const overview = async (inspection: Inspection, self: string) => {
  const told = await inspection.ask({ type: "overview" })
  return {
    at: Date.now(),
    nodes: [
      ...inOrder(told.answers).map(([id, answer]) => ({ id, isSelf: id === self, ...(answer as object) })),
      ...told.silent.map((id) => ({ id, isSelf: false }))
    ]
  }
}

const connections = async (
  inspection: Inspection,
  { count, from, path, search }: { search: string; path?: string | undefined; from: number; count: number }
) => {
  const ask = async (ranges: Record<string, readonly [number, number]>) => {
    const told = await inspection.ask({ type: "connections", search, path, ranges })
    return { silent: told.silent, matches: inOrder(told.answers as ReadonlyMap<string, Matches>) }
  }
  const ranges: Record<string, readonly [number, number]> = {}
  const { matches, silent } = await ask({})
  let total = 0
  for (const [node, { matched }] of matches) {
    const [first, last] = [Math.max(from, total) - total, Math.min(from + count, total + matched) - total]
    if (first < last) {
      ranges[node] = [first, last - first]
    }
    total += matched
  }
  const told = Object.keys(ranges).length > 0 ? (await ask(ranges)).matches : []
  return { total, silent, rows: told.flatMap(([, { rows }]) => rows) }
}

const merged = <A extends Followed>(lists: ReadonlyArray<ReadonlyArray<A>>): ReadonlyArray<A> => {
  const byPath = new Map<string, A>()
  for (const each of lists.flat()) {
    const known = byPath.get(each.path)
    byPath.set(each.path, known ? { ...known, subscribers: known.subscribers + each.subscribers } : each)
  }
  return Array.from(byPath.values())
}

const paths = async (inspection: Inspection, search: string): Promise<Paths> => {
  const told = await inspection.ask({ type: "paths", search })
  const lists = inOrder(told.answers as ReadonlyMap<string, Paths>).map(([, answer]) => answer)
  return {
    declared: merged(lists.map(({ declared }) => declared)),
    paths: merged(lists.map(({ paths }) => paths)).toSorted(byNumber).slice(0, maxPaths)
  }
}

const firstOf = (told: Answers): unknown => Array.from(told.answers.values()).find(Boolean)

const answer = async (node: Node, inspection: Inspection, message: typeof Message.Type): Promise<unknown> => {
  switch (message.type) {
    case "connections":
      return connections(inspection, message)
    case "connection":
      return firstOf(await inspection.ask(message)) ?? null
    case "paths":
      return paths(inspection, message.search)
    case "present": {
      const { count, users } = await node.presence(message.path).read()
      // What a client says of itself is not for operators.
      return { count, users: users?.slice(0, maxPaths).map(({ id }) => id) }
    }
    case "send": {
      const { id } = message
      return firstOf(await inspection.ask({ type: "send", id, text: JSON.stringify(message.message) })) ?? false
    }
    case "disconnect":
      await node.disconnect({ socket: message.socket })
      return true
    case "revoke":
      await node.revoke({ socket: message.socket }, message.path)
      return true
  }
}

// A browser sends its cookies along from whatever page, but says which: another host's is refused.
const isForeign = ({ headers: { host, origin } }: UpgradeRequest, origins: ReadonlyArray<string>): boolean =>
  origin !== undefined && !origins.includes(origin) && !(URL.canParse(origin) && new URL(origin).host === host)

interface Options {
  readonly path: string
  readonly origin: ReadonlyArray<string>
  /** Asks the application's authentication about an upgrade, as `Hooks.verifyUpgrade` does. */
  readonly admit: (request: UpgradeRequest) => Awaitable<boolean | number>
}

/** Reads a door's options, of which `auth` is the door's own. */
export const decoder = <A>(auth: Setting.Kind<A>, fail?: (message: string) => Error) => {
  const decode = Setting.decoder(
    Setting.struct({
      auth: Setting.required(auth),
      path: Setting.setting(Setting.requestPath, "/nes/inspector"),
      origin: Setting.setting(Setting.origins, [])
    }),
    fail
  )
  return (options: unknown) => decode(options, "Invalid inspector configuration")
}

const nothing = (): undefined => undefined

// Who has come in may ask everything, and there is nothing else to ask.
const application: Service = {
  request: () => {
    throw errorAnswer("routeUnknown")
  },
  lookup: nothing,
  authRequired: () => false,
  authenticateCookie: nothing,
  authenticate: nothing,
  verify: nothing,
  defaultAccess: () => false,
  log: nothing
}

export const make = (
  node: Node,
  { admit, origin, path }: Options
): Effect.Effect<NesServer.Service, never, Scope.Scope> =>
  Effect.gen(function*() {
    const inspection = node.inspect()
    const ask = async (given: unknown): Promise<unknown> => {
      try {
        return await answer(node, inspection, await decode(given))
      } catch (error) {
        throw Operations.refusalOf(error) ?? error
      }
    }
    const look = (): Promise<object> => overview(inspection, node.id)
    const server = yield* NesServer.make({
      path,
      metrics: false,
      log: false,
      limits: { maxConnectionAge: maxAge },
      hooks: {
        verifyUpgrade: (request) => isForeign(request, origin) ? 403 : admit(request),
        onMessage: (_connection, message) => ask(message)
      }
    }).pipe(Effect.provideService(Application, application), Effect.provideService(Broker, yield* makeMemory))
    inspection.close = () => server.node.stop(CloseCode.goingAway)
    server.node.subscription(live, { snapshot: look })
    yield* Effect.suspend(() =>
      server.node.hub.listens(live)
        ? Effect.promise(async () => server.node.publish(live, await look()))
        : Effect.void
    ).pipe(Effect.repeat(Schedule.spaced(interval)), Effect.forkScoped)
    return server
  })

const live = "/overview"

const read = (name: string): Promise<string> => readFile(new URL(`../../../${name}`, import.meta.url), "utf8")

let files: Promise<readonly [page: string, client: string]> | undefined

export const page = async (): Promise<
  { readonly html: string; readonly headers: Readonly<Record<string, string>> }
> => {
  files ??= Promise.all([read("src/server/inspection/page.html"), read("dist/browser/client.global.js")])
  const [html, client] = await files.catch((error: unknown) => {
    // They may be there the next time.
    files = undefined
    throw error
  })
  const nonce = randomBytes(18).toString("base64")
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; ` +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  return {
    html: html.replaceAll("{{nonce}}", nonce).replace("{{client}}", () => client.replaceAll("</script", "<\\/script")),
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff"
    }
  }
}
