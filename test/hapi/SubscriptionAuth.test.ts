/** nes-api.txt, `server.subscription(path, { auth })`: who may subscribe. */
import type Hapi from "@hapi/hapi"
import { describe, expect, it } from "vitest"
import type { SubscriptionOptions } from "../../src/hapi.js"
import { type Journal } from "../harness/Journal.js"
import { as, authenticating, fence, type Live, live, updatesOf } from "./LiveServer.js"

type Auth = SubscriptionOptions["auth"]

const unauthenticated = [401, "Authentication required to subscribe"]
const outOfScope = (scopes: string) => [403, `Insufficient scope to subscribe, expected any of: ${scopes}`]
const notForApps = [403, "Application credentials cannot be used on a user subscription"]
const notForUsers = [403, "User credentials cannot be used on an application subscription"]
const welcome = [200, ""]

/** A server that lets anyone connect, with one subscription. */
const guarded = (path: string, auth: Auth, mode: "required" | "optional" = "optional"): Promise<Live> =>
  live({
    prepare: (server) => authenticating(server, mode),
    declare: (server) => server.subscription(path, auth === undefined ? {} : { auth }),
    nes: { auth: { route: { strategy: "user", mode: "optional" } } }
  })

/** What becomes of subscribing, for each of the users, and for somebody without credentials. */
const attempts = async ({ connect }: Live, path: string): Promise<Readonly<Record<string, ReadonlyArray<unknown>>>> => {
  const results: Record<string, ReadonlyArray<unknown>> = {}
  for (const name of ["john", "jane", "robot", "nobody"]) {
    const client = await connect(name === "nobody" ? {} : as(name))
    results[name] = await client.subscribe(path, () => {}).then(
      () => welcome,
      (error: { readonly statusCode: number; readonly message: string }) => [error.statusCode, error.message]
    )
  }
  return results
}

const everybody = { john: welcome, jane: welcome, robot: welcome, nobody: welcome }
const authenticated = { ...everybody, nobody: unauthenticated }

const cases: ReadonlyArray<readonly [string, Auth, object]> = [
  ["false: no authentication required", false, everybody],
  ["mode 'required' is the default", {}, authenticated],
  ["mode 'required'", { mode: "required" }, authenticated],
  ["mode 'optional'", { mode: "optional" }, everybody],
  ["scope: a string", { scope: "a" }, { ...authenticated, jane: outOfScope("a") }],
  ["scope: an array, any of which will do", { scope: ["a", "b"] }, authenticated],
  ["scope with mode 'optional': only for those with credentials", { mode: "optional", scope: "a" }, {
    ...everybody,
    jane: outOfScope("a")
  }],
  ["scope: + requires", { scope: ["+a", "+admin"] }, {
    ...authenticated,
    jane: outOfScope("+a,+admin"),
    robot: outOfScope("+a,+admin")
  }],
  ["scope: + requires beside a selection", { scope: ["+a", "admin", "b"] }, {
    ...authenticated,
    jane: outOfScope("+a,admin,b"),
    robot: outOfScope("+a,admin,b")
  }],
  ["scope: ! forbids", { scope: ["!admin"] }, { ...authenticated, john: outOfScope("!admin") }],
  ["scope: ! forbids beside a selection", { scope: ["!admin", "a"] }, {
    ...authenticated,
    john: outOfScope("!admin,a"),
    jane: outOfScope("!admin,a")
  }],
  ["entity 'user'", { entity: "user" }, { ...authenticated, robot: notForApps }],
  ["entity 'app'", { entity: "app" }, { ...authenticated, john: notForUsers, jane: notForUsers }],
  ["entity 'any'", { entity: "any" }, authenticated],
  ["scope and entity", { scope: "a", entity: "user" }, { ...authenticated, jane: outOfScope("a"), robot: notForApps }]
]

describe("`auth`: `false`, `mode`, `scope`, `entity`", () => {
  it.each(cases)("%s", async (_name, auth, expected) => {
    expect(await attempts(await guarded("/item", auth), "/item")).toEqual(expected)
  })

  it.each([
    [{ mode: "try" }, "auth"],
    [{ scope: [] }, "auth"],
    [{ entity: "group" }, "auth"],
    [{ strategy: "user" }, "auth"],
    [true, "auth"],
    ["user", "auth"]
  ])("%j is refused, and named", async (auth, name) => {
    const { server } = await live()
    const options = { auth } as unknown as SubscriptionOptions
    expect(() => server.subscription("/item", options)).toThrow("Invalid subscription options: /item")
    expect(() => server.subscription("/item", options)).toThrow(name)
  })
})

describe("`scope` with `{params.x}` templates", () => {
  it("stands for the parameter of the path that is subscribed to", async () => {
    const server = await guarded("/team/{name}/{part?}", {
      scope: ["{params.name}", "team-{params.name}-{params.part}"]
    })
    expect(await attempts(server, "/team/a")).toEqual({ ...authenticated, jane: outOfScope("a,team-a-") })
    expect(await attempts(server, "/team/b/x")).toMatchObject({ john: outOfScope("b,team-b-x"), jane: welcome })
  })

  it("+ and ! before a template mean what they mean", async () => {
    const server = await guarded("/team/{name}", { scope: ["+{params.name}"] })
    expect(await attempts(server, "/team/admin")).toEqual({
      ...authenticated,
      jane: outOfScope("+admin"),
      robot: outOfScope("+admin")
    })
    const other = await guarded("/but/{name}", { scope: ["!{params.name}"] })
    expect(await attempts(other, "/but/admin")).toEqual({ ...authenticated, john: outOfScope("!admin") })
  })

  it.each(["/team/!x", "/team/+a", "/team/%21x", "/team/%2Ba"])(
    "%s: + and ! in what the client asks for are part of the name",
    async (path) => {
      const refused = outOfScope(decodeURIComponent(path.slice("/team/".length)))
      expect(await attempts(await guarded("/team/{name}", { scope: "{params.name}" }), path))
        .toEqual({ john: refused, jane: refused, robot: refused, nobody: unauthenticated })
    }
  )
})

describe("without `auth`: the server's default authentication", () => {
  it("as it stands at subscribe time", async () => {
    const { connect, server } = await live({ declare: (server) => server.subscription("/item") })
    const early = await connect()
    await early.subscribe("/item", () => {})
    await early.unsubscribe("/item", null)
    authenticating(server)
    await expect(early.subscribe("/item", () => {})).rejects.toMatchObject({ statusCode: 401 })
  })

  it.each(
    [
      ["required", authenticated],
      ["optional", everybody]
    ] as const
  )("mode %s", async (mode, expected) => {
    expect(await attempts(await guarded("/item", undefined, mode), "/item")).toEqual(expected)
  })

  it("its scope and entity count", async () => {
    const withDefault = (access: Hapi.RouteOptionsAccessObject) =>
      live({
        prepare: (server) => authenticating(server, "required", access),
        declare: (server) => server.subscription("/item"),
        nes: { auth: { route: { strategy: "user", mode: "optional" } } }
      })
    expect(await attempts(await withDefault({ scope: ["+admin", "a"] }), "/item")).toEqual({
      ...authenticated,
      jane: outOfScope("a,+admin"),
      robot: outOfScope("a,+admin")
    })
    expect(await attempts(await withDefault({ entity: "app" }), "/item"))
      .toEqual({ ...authenticated, john: notForUsers, jane: notForUsers })
  })
})

describe("`index`: subscribers by user", () => {
  it("`server.publish(path, message, { user })` reaches that user's subscribers alone", async () => {
    const { connect, server } = await guarded("/item/{id}", { mode: "optional", index: true })
    const clients = await Promise.all([connect(as("john")), connect(as("john")), connect(as("jane")), connect()])
    const got: Array<Journal> = []
    for (const client of clients) {
      got.push(await updatesOf(client, "/item/5"))
    }
    await server.publish("/item/5", "for john", { user: "john" })
    await server.publish("/item/5", "for jill", { user: "jill" })
    await server.publish("/item/6", "elsewhere", { user: "john" })
    await server.publish("/item/5", "for all")
    await Promise.all(clients.map(fence))
    expect(got.map(({ entries }) => entries.map(([, message]) => message))).toEqual([
      ["for john", "for all"],
      ["for john", "for all"],
      ["for all"],
      ["for all"]
    ])
  })

  it("may name another property of the credentials", async () => {
    const { connect, server } = await guarded("/item", { mode: "optional", index: "app" })
    const robot = await connect(as("robot"))
    const john = await connect(as("john"))
    const [forRobot, forJohn] = [await updatesOf(robot, "/item"), await updatesOf(john, "/item")]
    await server.publish("/item", 1, { user: "robot" })
    await server.publish("/item", 2, { user: "john" })
    await Promise.all([robot, john].map(fence))
    expect([forRobot.entries, forJohn.entries]).toEqual([[["update", 1]], []])
  })

  it("defaults to false: a publish to a user is then refused", async () => {
    const { server } = await guarded("/item", {})
    await expect(server.publish("/item", 1, { user: "john" })).rejects.toThrow("Subscription auth indexing is disabled")
    await expect(server.eachSocket(() => {}, { subscription: "/item", user: "john" }))
      .rejects.toThrow("Subscription auth indexing is disabled")
  })
})
