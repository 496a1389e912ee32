/** The Application port on hapi: requests by `server.inject`, authentication by hapi's schemes. */
import * as Boom from "@hapi/boom"
import type { AuthArtifacts, AuthCredentials, Request, Server, ServerInjectResponse } from "@hapi/hapi"
import type * as Iron from "@hapi/iron"
import { answers } from "../protocol/Answers.js"
import type { Request as SocketRequest, Response, Service } from "../server/Application.js"
import type { Connection } from "../server/connection/Connection.js"
import type { Authentication, Credentials } from "../server/conversation/Authentication.js"
import { errorAnswer } from "../server/conversation/ErrorAnswer.js"
import * as RequestHead from "../server/conversation/RequestHead.js"
import * as ResponseBody from "../server/conversation/ResponseBody.js"
import { decodeAuthentication, type Passwords, unseal } from "../server/conversation/Seal.js"
import type { Access } from "../server/subscription/Access.js"
import { Exchange, Exchanges } from "./Exchange.js"
import type { AuthConfiguration } from "./Options.js"
import type { Socket } from "./Socket.js"

/** What the port works with. */
export interface Host {
  readonly server: Server
  readonly auth: AuthConfiguration | false
  readonly passwords: Passwords
  readonly socketOf: (connection: Connection) => Socket
  /** The longest body that is put together from a stream; `Infinity` for no limit. */
  readonly maxStreamBytes: number
}

const isObject = (u: unknown): u is { readonly [key: string]: unknown } =>
  typeof u === "object" && u !== null && !Array.isArray(u)

// hapi runs no request with credentials of no strategy.
const ofStrategy = (authentication: Authentication | undefined): Authentication | undefined =>
  authentication?.strategy === undefined ? undefined : authentication

const isJson = (contentType: unknown): boolean =>
  typeof contentType === "string" && contentType.startsWith("application/json")

const isValidJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

// hapi's types leave the encoding out.
interface Settings {
  readonly stringify?: unknown
  readonly encoding?: string
}

// Settings under which hapi's body and the result's own JSON are different texts.
const reshapesJson = (request: Request): boolean => {
  const { json } = request.route.settings
  const settings: Settings = "settings" in request.response ? request.response.settings : {}
  return Boolean(json && (json.replacer || json.space || json.suffix || json.escape)) ||
    Boolean(settings.stringify) || (settings.encoding ?? "utf8") !== "utf8"
}

// The JSON text that can be sent for a result as it is, so that it is not serialised twice.
const jsonOf = ({ headers, payload, request, result }: ServerInjectResponse<unknown>): string | undefined => {
  if (!isJson(headers["content-type"])) {
    return undefined
  }
  if (typeof result === "string") {
    return isValidJson(result) ? result : undefined
  }
  return isObject(result) && payload !== "" && request.method !== "head" &&
      headers["content-encoding"] === undefined && headers["content-range"] === undefined && !reshapesJson(request)
    ? payload
    : undefined
}

// A result that is no value of JavaScript is the text of the body, where that is text.
const unreadable = (
  { headers, rawPayload, request: { response } }: ServerInjectResponse<unknown>
): string | undefined => {
  const raw = "variety" in response && response.variety !== "plain"
  return raw ? ResponseBody.refuse(rawPayload, headers["content-encoding"]) : undefined
}

// `url.parse`, which hapi's inject begins with, takes a backslash for a slash, and what is before an @ for a user.
const urlOf = (path: string): string => {
  const url = path.includes("\\") ? path.replaceAll("\\", "%5C") : path
  return url.startsWith("//") ? url.replaceAll("@", "%40") : url
}

interface InjectAuth {
  readonly credentials: AuthCredentials
  readonly artifacts?: AuthArtifacts
  readonly strategy: string
}

const injectAuth = (
  { auth: { artifacts, credentials, isAuthenticated, strategy } }: Connection
): InjectAuth | undefined =>
  isAuthenticated && credentials && strategy !== undefined
    ? { credentials, artifacts: artifacts as AuthArtifacts, strategy }
    : undefined

interface States {
  readonly parse: (cookies: string) => Promise<{ readonly states: Readonly<Record<string, unknown>> }>
}

// hapi's types leave the methods of its cookie manager out.
const statesOf = (server: Server): States => server.states as unknown as States

type Default = {
  readonly mode?: Access["mode"]
  readonly access?: ReadonlyArray<{
    readonly entity?: "user" | "app" | "any"
    readonly scope?: false | {
      readonly selection?: ReadonlyArray<string>
      readonly required?: ReadonlyArray<string>
      readonly forbidden?: ReadonlyArray<string>
    }
  }>
}

const toAccess = ({ access, mode }: Default): Access => ({
  mode: mode ?? "required",
  rules: (access ?? [{}]).map(({ entity, scope }) => ({
    entity,
    scope: scope
      ? [
        ...(scope.selection ?? []),
        ...(scope.required ?? []).map((name) => `+${name}`),
        ...(scope.forbidden ?? []).map((name) => `!${name}`)
      ]
      : undefined
  }))
})

/** Puts a hapi server behind the port. */
export const make = ({ auth, maxStreamBytes, passwords, server, socketOf }: Host): Service => {
  const endpoint = (): string | undefined => auth ? server.lookup(auth.id)?.path : undefined

  const exchanges = new Exchanges()

  // The answer of a route whose own cannot be sent, or of one whose client has gone.
  const unsent = ({ fault }: Exchange): Response => {
    if (fault === undefined) {
      return { statusCode: 499, headers: {}, payload: null }
    }
    server.log(["nes", "response", "error"], fault)
    return {
      statusCode: 500,
      headers: {},
      payload: { statusCode: 500, error: "Internal Server Error", message: fault }
    }
  }

  const request = async (
    connection: Connection,
    { headers: given, method, path, payload: sent }: SocketRequest
  ): Promise<Response> => {
    if (auth && path === endpoint()) {
      throw errorAnswer(answers.routeUnknown)
    }
    const credentials = injectAuth(connection)
    const exchange = new Exchange(connection.facade as Socket | undefined ?? socketOf(connection), maxStreamBytes)
    const { remoteAddress } = connection.info
    exchanges.add(connection, exchange)
    try {
      const response: ServerInjectResponse<unknown> = await server.inject({
        method,
        url: urlOf(path),
        headers: given,
        validate: false,
        plugins: { nes: exchange },
        ...(sent === undefined ? undefined : { payload: sent as object }),
        ...(credentials && { auth: credentials }),
        ...(remoteAddress === undefined ? undefined : { remoteAddress })
      })
      if (exchange.refused) {
        throw errorAnswer(answers.routeUnknown)
      }
      if (exchange.isOver) {
        return unsent(exchange)
      }
      // A route that closes (`h.close`) has no head, whatever hapi's types say.
      response.headers ??= {}
      exchange.fault = unreadable(response)
      if (exchange.fault !== undefined) {
        return unsent(exchange)
      }
      const { headers, result: payload, statusCode } = response
      return { statusCode, headers, payload, json: jsonOf(response) }
    } catch (error) {
      if (exchange.isOver) {
        return unsent(exchange)
      }
      throw error
    } finally {
      exchanges.remove(connection, exchange)
    }
  }

  const direct = async (connection: Connection, given: unknown): Promise<Authentication | undefined> => {
    const { remoteAddress } = connection.info
    const headers = RequestHead.headersOf(
      connection,
      isObject(given) && isObject(given.headers) ? given.headers : undefined
    )
    const exchange = new Exchange(null, maxStreamBytes)
    exchanges.add(connection, exchange)
    try {
      const { result, statusCode }: ServerInjectResponse<unknown> = await server.inject({
        method: "auth",
        url: endpoint() ?? "/",
        headers,
        allowInternals: true,
        validate: false,
        plugins: { nes: exchange },
        ...(remoteAddress === undefined ? undefined : { remoteAddress })
      })
      if (statusCode !== 200) {
        throw Boom.unauthorized(
          isObject(result) && typeof result.message === "string" ? result.message : "Unauthorized"
        )
      }
      return ofStrategy(decodeAuthentication(result))
    } finally {
      exchanges.remove(connection, exchange)
    }
  }

  const sealed = async (given: unknown, options: Iron.SealOptions): Promise<Authentication> => {
    const authentication = ofStrategy(await unseal(given, passwords, options))
    if (!authentication) {
      throw errorAnswer(answers.tokenInvalid)
    }
    return authentication
  }

  return {
    request,
    lookup: (id) => server.lookup(id) ?? undefined,
    authRequired: () => {
      const route = auth && server.lookup(auth.id)
      const config = route && lookupAuth(server, route.settings.auth)
      return Boolean(config && config.mode === "required")
    },
    authenticateCookie: async (_connection, cookies) => {
      const states = await statesOf(server).parse(cookies).then((parsed) => parsed.states, () => undefined)
      const cookie = auth && states?.[auth.cookie]
      const authentication = ofStrategy(decodeAuthentication(cookie))
      if (!states || (cookie && !authentication)) {
        throw errorAnswer(answers.cookieInvalid)
      }
      return authentication
    },
    authenticate: (connection, given) =>
      !auth || auth.type === "direct" ? direct(connection, given) : sealed(given, auth.iron),
    // hapi verifies whatever has an `auth` like a request's.
    verify: (auth) => server.auth.verify({ auth } as unknown as Request),
    defaultAccess: () => {
      const config = lookupAuth(server, undefined)
      return config ? toAccess(config) : false
    },
    departed: (connection) => exchanges.abort(connection),
    log: (tags, data) => {
      server.log([...tags], data as Credentials)
    }
  }
}

// hapi's types leave out that `lookup` exists and what a default looks like once hapi has prepared it.
const lookupAuth = (server: Server, auth: unknown): Default | false | null =>
  (server.auth as unknown as { lookup(route: unknown): Default | false | null }).lookup({ settings: { auth } })
