/** Scopes of subscriptions mean what they mean on hapi's routes: both are asked. */
import Hapi from "@hapi/hapi"
import { expect, it } from "vitest"
import { refusalOf } from "../../../src/server/subscription/Access.js"

const demands = ["a", "b", "+a", "+b", "!a", "!b", "+{params.x}", "!{params.x}"]

// What is required twice, hapi takes for more than can be held.
const params = { x: "c" }

/** Every one, pair and triple of them. */
const scopes = demands.flatMap((one, i) => [
  [one],
  ...demands.slice(i + 1).flatMap((two, j) => [
    [one, two],
    ...demands.slice(i + j + 2).map((three) => [one, two, three])
  ])
])

const held = [undefined, null, "", [], "a", ["a"], ["b"], ["a", "b"], ["c"], ["a", "c"], ["!a"], ["+a"]]

it.each(held.map((scope) => [JSON.stringify(scope), scope] as const))(
  "credentials with the scope %s may do what hapi lets them do, whatever is required or forbidden",
  async (_, scope) => {
    const server = Hapi.server()
    server.auth.scheme("none", () => ({ authenticate: (_request, h) => h.continue }))
    server.auth.strategy("none", "none")
    scopes.forEach((scope, n) => {
      server.route({
        method: "GET",
        path: `/${n}/{x}`,
        options: { auth: { strategy: "none", scope } },
        handler: () => "let in"
      })
    })
    const credentials = { user: "john", ...(scope !== undefined && { scope }) } as Hapi.AuthCredentials
    const answers = await Promise.all(scopes.map(async (scope, n) => {
      const { statusCode } = await server.inject({ url: `/${n}/${params.x}`, auth: { strategy: "none", credentials } })
      const refusal = refusalOf({ mode: "required", rules: [{ scope }] }, { ...credentials }, params)
      return { scope, hapi: statusCode, ours: refusal?.output.statusCode ?? 200 }
    }))
    expect(answers.filter(({ hapi, ours }) => hapi !== ours)).toEqual([])
    expect(new Set(answers.map(({ hapi }) => hapi)).size).toBe(scope === undefined || !scope ? 1 : 2)
  }
)
