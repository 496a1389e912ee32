/**
 * The Application port on hapi: requests by `server.inject`, authentication by hapi's schemes.
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import type { AuthArtifacts, AuthCredentials, Request, Server, ServerInjectResponse } from "@hapi/hapi"
import type * as Iron from "@hapi/iron"
import type * as Message from "../protocol/Message.js"
import type { Response, Service } from "../server/Application.js"
import type { Connection } from "../server/connection/Connection.js"
import type { Authentication, Credentials } from "../server/conversation/Authentication.js"
import { decodeAuthentication, type Passwords, unseal } from "../server/conversation/Seal.js"
import type { Access } from "../server/subscription/Access.js"
import type { AuthConfiguration } from "./Options.js"
import type { Socket } from "./Socket.js"

/**
 * What the port works with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Host {
  readonly server: Server
  readonly auth: AuthConfiguration | false
  readonly passwords: Passwords
  readonly socketOf: (connection: Connection) => Socket
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

// Settings under which hapi's body and the result's own JSON are different texts.
const reshapesJson = (request: Request): boolean => {
  const { json } = request.route.settings
  const { response } = request
  return Boolean(json && (json.replacer || json.space || json.suffix || json.escape)) ||
    ("settings" in response && Boolean(response.settings.stringify))
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
      headers["content-encoding"] === undefined && !reshapesJson(request)
    ? payload
    : undefined
}

// hapi takes header values of any type, its types only text.
type InjectHeaders = Record<string, string>

const headersOf = (headers: unknown): InjectHeaders => (isObject(headers) ? { ...headers } : {}) as InjectHeaders

// Where a connection comes from is not for the client to say, in any spelling.
const unforwarded = (headers: unknown): InjectHeaders =>
  Object.fromEntries(Object.entries(headersOf(headers)).filter(([name]) => name.toLowerCase() !== "x-forwarded-for"))

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

/**
 * Puts a hapi server behind the port.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ auth, passwords, server, socketOf }: Host): Service => {
  const endpoint = (): string | undefined => auth ? server.lookup(auth.id)?.path : undefined

  const request = async (connection: Connection, message: Message.Request): Promise<Response> => {
    if (auth && message.path === endpoint()) {
      throw Boom.notFound()
    }
    const credentials = injectAuth(connection)
    const state: NesRequestState = { socket: socketOf(connection) }
    const { remoteAddress } = connection.info
    const response: ServerInjectResponse<unknown> = await server.inject({
      method: message.method,
      url: message.path,
      headers: headersOf(message.headers),
      validate: false,
      plugins: { nes: state },
      ...(message.payload === undefined ? undefined : { payload: message.payload as object }),
      ...(credentials && { auth: credentials }),
      ...(remoteAddress === undefined ? undefined : { remoteAddress })
    })
    if (state.refused) {
      throw Boom.notFound()
    }
    const { headers, result: payload, statusCode } = response
    return { statusCode, headers, payload, json: jsonOf(response) }
  }

  const direct = async (connection: Connection, given: unknown): Promise<Authentication | undefined> => {
    const { remoteAddress, "x-forwarded-for": forwarded } = connection.info
    const headers: InjectHeaders = {
      ...(isObject(given) ? unforwarded(given.headers) : undefined),
      ...(forwarded === undefined ? undefined : { "x-forwarded-for": forwarded })
    }
    const { result, statusCode }: ServerInjectResponse<unknown> = await server.inject({
      method: "auth",
      url: endpoint() ?? "/",
      headers,
      allowInternals: true,
      validate: false,
      ...(remoteAddress === undefined ? undefined : { remoteAddress })
    })
    if (statusCode !== 200) {
      throw Boom.unauthorized(isObject(result) && typeof result.message === "string" ? result.message : "Unauthorized")
    }
    return ofStrategy(decodeAuthentication(result))
  }

  const sealed = async (given: unknown, options: Iron.SealOptions): Promise<Authentication> => {
    const authentication = ofStrategy(await unseal(given, passwords, options))
    if (!authentication) {
      throw Boom.unauthorized("Invalid token")
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
        throw Boom.unauthorized("Invalid nes authentication cookie")
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
    log: (tags, data) => {
      server.log([...tags], data as Credentials)
    }
  }
}

/**
 * What a request over a socket carries in `request.plugins.nes`.
 *
 * @since 0.1.0
 * @category models
 */
export interface NesRequestState {
  readonly socket: Socket
  /** Set when the request reached what sockets may not reach. */
  refused?: boolean
}

// hapi's types leave out that `lookup` exists and what a default looks like once hapi has prepared it.
const lookupAuth = (server: Server, auth: unknown): Default | false | null =>
  (server.auth as unknown as { lookup(route: unknown): Default | false | null }).lookup({ settings: { auth } })
