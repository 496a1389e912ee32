/**
 * Who may subscribe: mode, scope and entity as hapi routes have them.
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import type { Credentials } from "./Authentication.js"

/**
 * One way in: all of its conditions must hold.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rule {
  /** Any one of the plain scopes, all of the `+required`, none of the `!forbidden`; `{params.x}` stands for a path parameter. */
  readonly scope?: ReadonlyArray<string> | undefined
  readonly entity?: "user" | "app" | "any" | undefined
}

/**
 * Access to a subscription: granted by any of its rules, or to all who are authenticated where there are none.
 *
 * @since 0.1.0
 * @category models
 */
export interface Access {
  readonly mode: "required" | "optional" | "try"
  readonly rules: ReadonlyArray<Rule>
}

const expand = (scope: string, params: Readonly<Record<string, string>>): string =>
  scope.replace(
    /\{params\.([^{}]+)\}/g,
    (_, name: string) => Object.hasOwn(params, name) ? params[name] ?? "" : ""
  )

const granted = (credentials: Credentials): ReadonlyArray<unknown> =>
  Array.isArray(credentials.scope) ? credentials.scope : credentials.scope ? [credentials.scope] : []

const refuseScope = (scopes: ReadonlyArray<string>, credentials: Credentials): Boom.Boom | undefined => {
  const held = granted(credentials)
  const required = scopes.filter((scope) => scope.startsWith("+"))
  const forbidden = scopes.filter((scope) => scope.startsWith("!"))
  const selection = scopes.filter((scope) => !scope.startsWith("+") && !scope.startsWith("!"))
  const holds = (scope: string): boolean => held.includes(scope)
  return held.length > 0 && required.every((scope) => holds(scope.slice(1))) &&
      !forbidden.some((scope) => holds(scope.slice(1))) && (selection.length === 0 || selection.some(holds))
    ? undefined
    : Boom.forbidden(`Insufficient scope to subscribe, expected any of: ${scopes.join(",")}`)
}

const refuseRule = (
  rule: Rule,
  credentials: Credentials,
  params: Readonly<Record<string, string>>
): Boom.Boom | undefined => {
  const refusal = rule.scope && refuseScope(rule.scope.map((scope) => expand(scope, params)), credentials)
  if (refusal) {
    return refusal
  }
  if (rule.entity === "user" && !credentials.user) {
    return Boom.forbidden("Application credentials cannot be used on a user subscription")
  }
  if (rule.entity === "app" && credentials.user) {
    return Boom.forbidden("User credentials cannot be used on an application subscription")
  }
  return undefined
}

/**
 * Why these credentials may not subscribe; `undefined` if they may.
 *
 * @since 0.1.0
 * @category utilities
 */
export const refuse = (
  access: Access | false,
  credentials: Credentials | null,
  params: Readonly<Record<string, string>>
): Boom.Boom | undefined => {
  if (!access) {
    return undefined
  }
  if (!credentials) {
    return access.mode === "required" ? Boom.unauthorized("Authentication required to subscribe") : undefined
  }
  let refusal: Boom.Boom | undefined
  for (const rule of access.rules) {
    const reason = refuseRule(rule, credentials, params)
    if (!reason) {
      return undefined
    }
    refusal ??= reason
  }
  return refusal
}
