/** What can be asked of a server over HTTP, as an `HttpApi` describes it. */
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { Broadcast, Disconnect, MaybeOfPath, OfHistory, OfPath, Publish, Revoke, strict } from "./Operations.js"

const failure = <const Status extends number>(statusCode: Status) =>
  Schema.Struct({ statusCode: Schema.Literal(statusCode), error: Schema.String, message: Schema.String })
    .annotate({ httpApiStatus: statusCode })

// What was asked is wrong, or the nodes cannot be reached.
const failures = [failure(400), failure(503)] as const

// With a body also: it has no type, or another than JSON.
const bodyFailures = [...failures, failure(415)] as const

// With an idempotency key also: the request is under way, or the key was used for another.
const keyFailures = [...bodyFailures, failure(409), failure(422)] as const

const key = { "idempotency-key": Schema.optional(Schema.String) }

const Position = Schema.Struct({ epoch: Schema.String, offset: Schema.Int })

const Tally = Schema.Struct({ total: Schema.Int, nodes: Schema.Int, silent: Schema.Int })

const Present = Schema.Struct({
  count: Schema.Int,
  users: Schema.optional(Schema.Array(Schema.Struct({ id: Schema.String, value: Schema.Unknown })))
})

const Past = Schema.Struct({
  updates: Schema.Array(
    Schema.Struct({ message: Schema.Unknown, position: Position, user: Schema.optional(Schema.Unknown) })
  ),
  position: Position,
  state: Schema.optional(Schema.Unknown)
})

const success = HttpApiSchema.NoContent

export const group = HttpApiGroup.make("nes").add(
  HttpApiEndpoint.post("publish", "/publish", { headers: key, payload: Publish, success, error: keyFailures })
    .annotate(OpenApi.Description, "Publishes to the subscribers of a path on every node."),
  HttpApiEndpoint.post("broadcast", "/broadcast", { headers: key, payload: Broadcast, success, error: keyFailures })
    .annotate(OpenApi.Description, "Sends a message to all connections of every node."),
  HttpApiEndpoint.post("revoke", "/revoke", { payload: Revoke, success, error: bodyFailures })
    .annotate(OpenApi.Description, "Ends subscriptions of a socket, or of a user."),
  HttpApiEndpoint.post("disconnect", "/disconnect", { payload: Disconnect, success, error: bodyFailures })
    .annotate(OpenApi.Description, "Closes a socket, or all of a user."),
  HttpApiEndpoint.get("count", "/count", { query: MaybeOfPath.fields, success: Tally, error: failures })
    .annotate(OpenApi.Description, "How many connections, or subscribers of a path, there are."),
  HttpApiEndpoint.get("presence", "/presence", { query: OfPath.fields, success: Present, error: failures })
    .annotate(OpenApi.Description, "Who is present at a path."),
  HttpApiEndpoint.get("history", "/history", { query: OfHistory.fields, success: Past, error: failures })
    .annotate(OpenApi.Description, "The last updates of a path."),
  HttpApiEndpoint.delete("clearHistory", "/history", { query: OfPath.fields, success, error: failures })
    .annotate(OpenApi.Description, "Forgets the last updates of a path.")
).annotate(HttpApi.PayloadParseOptions, strict)

export const openApi = (prefix: `/${string}`): OpenApi.OpenAPISpec =>
  OpenApi.fromApi(HttpApi.make("effect-nes").add(group.prefix(prefix)))
