/** The Application port on hapi: authentication by hapi's schemes, access by its defaults. */
import * as Boom from "@hapi/boom"
import type { Request, Server } from "@hapi/hapi"
import * as Iron from "@hapi/iron"
import { pbkdf2Sync } from "node:crypto"
import { isObject } from "../protocol/Codec.js"
import * as Thrown from "../protocol/Thrown.js"
import type { Service } from "../server/Application.js"
import type { Authentication, Credentials } from "../server/conversation/Authentication.js"
import { errorAnswer } from "../server/conversation/ErrorAnswer.js"
import { isSystem, isTemporary } from "../server/conversation/Errors.js"
import type { Passwords } from "../server/conversation/Password.js"
import * as RequestHead from "../server/conversation/RequestHead.js"
import type { Access } from "../server/subscription/Access.js"
import * as Exchange from "./Exchange.js"
import type { AuthConfiguration } from "./Options.js"
import type { Host } from "./Socket.js"

// An authentication, if that is what a value is: hapi runs no request with credentials of no strategy.
const decode = (u: unknown): Authentication | undefined =>
  isObject(u) && isObject(u.credentials) && typeof u.strategy === "string"
    ? { credentials: u.credentials, artifacts: u.artifacts, strategy: u.strategy }
    : undefined

// hapi's types leave the methods of its cookie manager out.
interface States {
  readonly parse: (cookies: string) => Promise<{ readonly states: Readonly<Record<string, unknown>> }>
}

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
  rules: (access ?? []).map(({ entity, scope }) => ({
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

// So few iterations take less time than to have another thread do them.
const fewIterations = 10

/** Unseals as iron does, but derives the two keys of a plain password at once where that takes no time. */
export const unseal = async (
  sealed: unknown,
  password: Passwords["unseal"],
  options: Iron.SealOptions
): Promise<unknown> => {
  if (typeof sealed !== "string") {
    return undefined
  }
  const { encryption, integrity } = options
  if (typeof password !== "string" || Math.max(encryption.iterations, integrity.iterations) > fewIterations) {
    return Iron.unseal(sealed, password, options)
  }
  const key = ({ algorithm, iterations }: Iron.SealOptionsSub, salt = ""): Buffer =>
    pbkdf2Sync(password, salt, iterations, Iron.algorithms[algorithm].keyBits / 8, "sha1")
  const [, id, encryptionSalt, , , , integritySalt] = sealed.split("*")
  const keys = { encryption: key(encryption, encryptionSalt), integrity: key(integrity, integritySalt) }
  return Iron.unseal(sealed, { [id || "default"]: keys }, options)
}

/** Puts a hapi server behind the port; `maxStreamBytes` is the longest body that is put together from a stream. */
export const make = (
  host: Host,
  auth: AuthConfiguration | false,
  passwords: Passwords,
  maxStreamBytes: number
): Service => {
  const { server } = host
  const { authenticate, request } = Exchange.requests(host, auth ? auth.id : undefined, maxStreamBytes)

  return {
    request,
    lookup: (id) => server.lookup(id) ?? undefined,
    authRequired: () => {
      const route = auth && server.lookup(auth.id)
      const config = route && lookupAuth(server, route.settings.auth)
      return Boolean(config && config.mode === "required")
    },
    authenticateCookie: async (_connection, cookies) => {
      const manager = server.states as unknown as States
      const states = await manager.parse(cookies).then((parsed) => parsed.states, () => undefined)
      const cookie = auth && states?.[auth.cookie]
      const authentication = decode(cookie)
      if (!states || (cookie && !authentication)) {
        throw errorAnswer("cookieInvalid")
      }
      return authentication
    },
    authenticate: async (connection, given) => {
      if (auth && auth.type !== "direct") {
        // Which check a forged one fails is nobody's business.
        const authentication = await unseal(given, passwords.unseal, auth.iron).then(decode, () => undefined)
        if (!authentication) {
          throw errorAnswer("tokenInvalid")
        }
        return authentication
      }
      const headers = RequestHead.headersOfAuth(connection, given)
      const { result, statusCode } = await authenticate(connection, headers)
      if (statusCode !== 200) {
        // A scheme that cannot tell for the moment has refused nobody: the client may try again.
        throw new Boom.Boom(isObject(result) && typeof result.message === "string" ? result.message : undefined, {
          statusCode: isTemporary(statusCode) ? statusCode : 401
        })
      }
      return decode(result)
    },
    // hapi verifies whatever has an `auth` like a request's. A scheme may refuse with any error.
    verify: (auth) =>
      server.auth.verify({ auth } as unknown as Request).catch((error: unknown) => {
        throw Boom.isBoom(error) || isSystem(error) ? error : Boom.unauthorized(Thrown.text(error))
      }),
    defaultAccess: () => {
      const config = lookupAuth(server, undefined)
      return config ? toAccess(config) : false
    },
    log: (tags, data) => {
      try {
        server.log([...tags], data as Credentials)
      } catch (error) {
        // A listener's own: nobody's turn, and no client's message, may end for it.
        process.emitWarning(Thrown.text(error), { type: "NesWarning", code: "NES_LOG_FAILED" })
      }
    }
  }
}

// hapi's types leave out that `lookup` exists and what a default looks like once hapi has prepared it.
const lookupAuth = (server: Server, auth: unknown): Default | false | null =>
  (server.auth as unknown as { lookup(route: unknown): Default | false | null }).lookup({ settings: { auth } })
