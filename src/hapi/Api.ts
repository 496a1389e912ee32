/** What other languages, jobs and hands can ask of the server over HTTP, as routes of hapi. */
import * as Boom from "@hapi/boom"
import type { RouteOptions, Server } from "@hapi/hapi"
import * as Schema from "effect/Schema"
import * as Operations from "../server/api/Operations.js"
import type { Node } from "../server/Node.js"

/**
 * The routes of the server's API (docs/api.md).
 *
 * @since 1.0.0
 * @category models
 */
export interface ApiOptions {
  /** What their paths begin with; `'/nes/api'` by default. */
  readonly path?: string | undefined
  /** hapi's route `auth` settings of all of them. There is no default: `false` lets everybody do everything. */
  readonly auth: Exclude<RouteOptions["auth"], undefined>
}

export const declare = (
  server: Server,
  node: Node,
  { auth, path }: ApiOptions & { readonly path: `/${string}` }
): void => {
  const operations = Operations.make(node)
  const declare = <A, I>(
    method: "POST" | "GET" | "DELETE",
    name: string,
    schema: Schema.Codec<A, I>,
    run: (input: A, key: string | undefined) => Promise<object | void>
  ) => {
    const decode = Schema.decodeUnknownPromise(schema, method === "POST" ? Operations.strict : {})
    server.route({
      method,
      path: `${path}/${name}`,
      options: {
        auth,
        tags: ["nes"],
        ...(method === "POST" && {
          // A page on another site cannot send JSON without being asked, but something without a type: that is none.
          payload: {
            allow: "application/json",
            defaultContentType: "application/octet-stream",
            failAction: (_request, _h, error) => {
              throw Boom.isBoom(error, 415) ? Operations.untyped() : error
            }
          }
        })
      },
      handler: async ({ headers, payload, query }, h) => {
        try {
          const key: unknown = headers["idempotency-key"]
          const input = await decode(method === "POST" ? payload : query)
          const result = await run(input, typeof key === "string" ? key : undefined)
          return result ? h.response(result) : h.response().code(204)
        } catch (error) {
          throw Operations.refusalOf(error) ?? error
        }
      }
    })
  }
  declare("POST", "publish", Operations.Publish, operations.publish)
  declare("POST", "broadcast", Operations.Broadcast, operations.broadcast)
  declare("POST", "revoke", Operations.Revoke, operations.revoke)
  declare("POST", "disconnect", Operations.Disconnect, operations.disconnect)
  declare("GET", "count", Operations.MaybeOfPath, operations.count)
  declare("GET", "presence", Operations.OfPath, operations.presence)
  declare("GET", "history", Operations.OfHistory, operations.history)
  declare("DELETE", "history", Operations.OfPath, operations.clearHistory)
  server.route({
    method: "GET",
    path: `${path}/openapi.json`,
    options: { auth, tags: ["nes"] },
    handler: async () => {
      // It brings a large part of Effect with it.
      const { openApi } = await import("../server/api/Definition.js")
      return openApi(path)
    }
  })
}
