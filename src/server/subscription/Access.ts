/** Who may subscribe: mode, scope and entity as hapi routes have them. */
import type * as Boom from "@hapi/boom"
import type { Credentials } from "../conversation/Authentication.js"
import { errorAnswer } from "../conversation/ErrorAnswer.js"

/** One way in: all of its conditions must hold. */
export interface Rule {
  /** Any one of the plain scopes, all of the `+required`, none of the `!forbidden`; `{params.x}` and `{credentials.x}` are filled in. */
  readonly scope?: ReadonlyArray<string> | undefined
  readonly entity?: "user" | "app" | "any" | undefined
}

/** Access to a subscription: granted by any of its rules, or to all who are authenticated where there are none. */
export interface Access {
  readonly mode: "required" | "optional" | "try"
  readonly rules: ReadonlyArray<Rule>
}

type Params = Readonly<Record<string, string>>

const isObject = (u: unknown): u is Readonly<Record<string, unknown>> => typeof u === "object" && u !== null

const reach = (context: unknown, keys: ReadonlyArray<string>): unknown =>
  keys.reduce<unknown>((value, key) => isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined, context)

// As hapi fills its routes' scopes: `{params.x}`, `{credentials.x}`; what is not there is empty.
const expand = (scope: string, context: object): string =>
  scope.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const value = reach(context, name.split("."))
    return value === undefined || value === null ? "" : String(value)
  })

// A list of any kind, as on routes.
const granted = (scope: unknown): ReadonlyArray<unknown> =>
  isObject(scope) && Symbol.iterator in scope ? Array.from(scope as Iterable<unknown>) : [scope]

const refuseScope = (
  scopes: ReadonlyArray<string>,
  credentials: Credentials,
  params: Params
): Boom.Boom | undefined => {
  const context = { params, credentials }
  const held = granted(credentials.scope)
  // What a scope demands is read before its parameters are filled in: those are the client's words.
  const demanded = (prefix: string): ReadonlyArray<string> =>
    scopes.filter((scope) => scope.startsWith(prefix)).map((scope) => expand(scope.slice(1), context))
  const selection = scopes.filter((scope) => !/^[+!]/.test(scope)).map((scope) => expand(scope, context))
  const holds = (scope: string): boolean => held.includes(scope)
  return credentials.scope && demanded("+").every(holds) && !demanded("!").some(holds) &&
      (selection.length === 0 || selection.some(holds))
    ? undefined
    : errorAnswer("scopeInsufficient", scopes.map((scope) => expand(scope, context)).join(","))
}

const refuseEntity = (entity: Rule["entity"], { user }: Credentials): Boom.Boom | undefined =>
  entity === "user" && !user
    ? errorAnswer("userRequired")
    : entity === "app" && user
    ? errorAnswer("appRequired")
    : undefined

/** Why these credentials may not subscribe; `undefined` if they may. */
export const refusalOf = (access: Access, credentials: Credentials | null, params: Params): Boom.Boom | undefined => {
  if (!credentials) {
    return access.mode === "required" ? errorAnswer("subscriptionNeedsAuthentication") : undefined
  }
  const refusals = access.rules.map(({ entity, scope }) =>
    (scope && refuseScope(scope, credentials, params)) ?? refuseEntity(entity, credentials)
  )
  return refusals.includes(undefined) ? undefined : refusals[0]
}
