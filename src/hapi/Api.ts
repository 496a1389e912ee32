/** What other languages, jobs and hands can ask of the server over HTTP, as routes of hapi. */
import type { Lifecycle, Request, RouteOptions, Server } from "@hapi/hapi"
import * as Result from "effect/Result"
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

const read = <A, I>(schema: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (input: unknown): A => {
    const decoded = decode(input)
    if (Result.isFailure(decoded)) {
      throw new Operations.Refused(400, decoded.failure.message)
    }
    return decoded.success
  }
}

const handler = <A, I>(
  schema: Schema.Codec<A, I>,
  inputOf: (request: Request) => unknown,
  run: (input: A, key: string | undefined) => Promise<object | void>
): Lifecycle.Method => {
  const decode = read(schema)
  return async (request, h) => {
    try {
      const key: unknown = request.headers["idempotency-key"]
      const result = await run(decode(inputOf(request)), typeof key === "string" ? key : undefined)
      return result ? h.response(result) : h.response().code(204)
    } catch (error) {
      const refused = Operations.refusalOf(error)
      if (!refused) {
        throw error
      }
      return h.response(Operations.bodyOf(refused.status, refused.message)).code(refused.status)
    }
  }
}

/** Declares the routes. */
export const declare = (server: Server, node: Node, { auth, path }: Required<ApiOptions>): void => {
  const operations = Operations.make(node, node.once)
  const post = <A, I>(
    name: string,
    schema: Schema.Codec<A, I>,
    run: (input: A, key: string | undefined) => Promise<object | void>
  ) =>
    server.route({
      method: "POST",
      path: `${path}/${name}`,
      // A page on another site cannot send JSON without being asked, but something without a type: that is none.
      options: {
        auth,
        tags: ["nes"],
        payload: { allow: "application/json", defaultContentType: "application/octet-stream" }
      },
      handler: handler(schema, ({ payload }) => payload, run)
    })
  const onQuery = <A, I>(
    method: "GET" | "DELETE",
    name: string,
    schema: Schema.Codec<A, I>,
    run: (input: A) => Promise<object | void>
  ) =>
    server.route({
      method,
      path: `${path}/${name}`,
      options: { auth, tags: ["nes"] },
      handler: handler(schema, ({ query }) => query, run)
    })
  post("publish", Operations.Publish, operations.publish)
  post("broadcast", Operations.Broadcast, operations.broadcast)
  post("revoke", Operations.Revoke, operations.revoke)
  post("disconnect", Operations.Disconnect, operations.disconnect)
  onQuery("GET", "count", Operations.MaybeOfPath, operations.count)
  onQuery("GET", "presence", Operations.OfPath, operations.presence)
  onQuery("GET", "history", Operations.OfHistory, operations.history)
  onQuery("DELETE", "history", Operations.OfPath, operations.clearHistory)
  server.route({
    method: "GET",
    path: `${path}/openapi.json`,
    options: { auth, tags: ["nes"] },
    handler: async () => {
      // It brings a large part of Effect with it.
      const { openApi } = await import("../server/api/Definition.js")
      return openApi(path as `/${string}`)
    }
  })
}
