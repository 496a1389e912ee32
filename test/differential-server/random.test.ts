/**
 * Any sequence of what clients and the application may do, on any of the applications, comes to the same on both
 * plugins: each step is over before the next begins, and what is decided to be different is left out.
 */
import { expect, it } from "vitest"
import { unhindered } from "../harness/Pace.js"
import * as fc from "../harness/Property.js"
import type { ApplicationOptions } from "./Application.js"
import * as Pair from "./Pair.js"
import { failedSubPath, type Script } from "./Script.js"
import type { Json, Stage, Wire } from "./Stage.js"

/** A third of what a step waits for, at most (ms). */
const heldUp = 500

const pair = Pair.open()

const hooks: ApplicationOptions = { onConnection: "record", onDisconnection: "record", onMessage: true }

const applications: ReadonlyArray<ApplicationOptions> = [
  hooks,
  { onConnection: "boom" },
  { ...hooks, nes: { heartbeat: false, payload: { maxChunkChars: 200 } } },
  { ...hooks, nes: { headers: "*" } },
  { ...hooks, nes: { auth: false, headers: ["X-Custom", "www-authenticate", "location"] } },
  { ...hooks, scheme: "basic", mode: "required", nes: { headers: ["www-authenticate"], auth: { index: true } } },
  {
    ...hooks,
    scheme: "custom",
    mode: "try",
    pluginLast: true,
    nes: { auth: { index: true, maxConnectionsPerUser: 3 } }
  },
  { ...hooks, scheme: "custom", mode: "optional", nes: { auth: { minAuthVerifyInterval: false } } },
  { ...hooks, scheme: "custom", nes: { auth: { route: "default" } } }
]

const value = fc.oneof(
  fc.constantFrom<unknown>(0, 1.5, -1, true, false, null, "", "text", "\u2028", "a\"b", [], {}, undefined),
  fc.jsonValue({ maxDepth: 2, noUnicodeString: true }),
  fc.constant("long ".repeat(50))
)

const paths = [
  ...[
    "/",
    "/o",
    "/item/5",
    "/item/6",
    "/item/%41",
    "/item/A",
    "/deep/1/2",
    "/rest/a/b",
    "/two/a/b",
    "/maybe/b"
  ],
  ...[
    "/mixed/x.json",
    "/Case",
    "/case",
    "/filtered/5",
    "/filtered/6",
    "/filtered-whole",
    "/missing",
    "/item/%zz",
    "/o/"
  ],
  ...[
    "/hooked/x",
    "/hooked/throw",
    "/hooked/boom",
    "/hooked/headers",
    "/hooked/reject",
    "/hooked/later",
    "/unhooked/x"
  ],
  ...[
    "/unhooked/throw",
    "/unhooked/boom",
    "/unhooked/later",
    "/counted/5",
    "/auth/required",
    "/auth/optional",
    "/auth/scope"
  ],
  ...[
    "/auth/scopes",
    "/auth/scope-param/5",
    "/auth/user",
    "/auth/app",
    "/auth/index",
    "/auth/index/5",
    "/auth/false",
    "/o?a"
  ]
]
const path = fc.constantFrom(...paths)

const message = fc.oneof(
  value,
  fc.record({
    filter: fc.constantFrom(
      "no",
      "override",
      "object",
      "truthy",
      "undefined",
      "later",
      "throw",
      "boom",
      "reject",
      "only user"
    ),
    only: fc.constantFrom("john", "jane", undefined),
    value: fc.constantFrom<unknown>(1, "instead", { instead: true }, [0])
  })
)

const routes = [
  ...[
    "/",
    "/object",
    "/null",
    "/empty",
    "/number",
    "/text",
    "/buffer",
    "/stream",
    "/json-string-charset",
    "/json-text"
  ],
  ...[
    "/json-empty",
    "/json-settings",
    "/circular",
    "/bigint",
    "/undefined",
    "/no-content",
    "/redirect",
    "/teapot",
    "/headers"
  ],
  ...[
    "/error-string",
    "/error-null",
    "/not-modified",
    "/throw",
    "/boom",
    "/boom-unauthorized",
    "/boom-shaped",
    "/abandoned"
  ],
  ...[
    "/abandoned-json",
    "/closed",
    "/item/5?a=1",
    "/item/%zz",
    "/files/a/b",
    "/any",
    "/options",
    "/missing",
    "/echo",
    "/limited"
  ],
  ...[
    "/validated",
    "/app",
    "/request-headers",
    "/publish-first",
    "/me",
    "/me-optional",
    "/me-try",
    "/me-none"
  ],
  ...["/scope-a", "/entity-user", "/entity-app", "hello", "post", "item", "any", "custom", "unknown-id", "nes.auth"]
]

// Mostly such as the application knows: a hello that is refused ends the play.
const auths = ({ scheme }: ApplicationOptions): fc.Arbitrary<unknown> =>
  scheme === undefined
    ? fc.constant(undefined)
    : fc.constantFrom<unknown>(
      undefined,
      {},
      ...["john", "john", "jane", "robot", "plain", "joe", "nobody"].flatMap((name) => [
        scheme === "basic"
          ? { headers: { authorization: `Basic ${Buffer.from(`${name}:secret`).toString("base64")}` } }
          : { headers: { Authorization: `Custom ${name} flag` } }
      ])
    )

/** A step, and a name for it; whoever is not connected does nothing. */
type Step = readonly [
  name: string,
  run: (stage: Stage, wires: ReadonlyArray<Wire>, leave: (wire: Wire | undefined) => Promise<void>) => Promise<unknown>
]

const client = fc.nat({ max: 2 })

const sent = (message: fc.Arbitrary<Json>): fc.Arbitrary<Step> =>
  fc.tuple(client, message).map(([n, message]): Step => [
    `${n} sends ${JSON.stringify(message)}`,
    async (_, wires) => {
      const wire = wires[n]
      if (wire && !wire.ended) {
        wire.send({ id: 7, ...message })
      }
    }
  ])

const controlled = (name: string, ...args: ReadonlyArray<fc.Arbitrary<unknown>>): fc.Arbitrary<Step> =>
  fc.tuple(...args).map((args): Step => [
    `${name} ${JSON.stringify(args)}`,
    (stage) => stage.control(name, ...args)
  ])

const member = (name: string, ...args: ReadonlyArray<fc.Arbitrary<unknown>>): fc.Arbitrary<Step> =>
  fc.tuple(client, ...args).map(([n, ...args]): Step => [
    `${n}.${name} ${JSON.stringify(args)}`,
    async (stage, wires) => {
      const wire = wires[n]
      if (wire && !wire.ended) {
        await stage.control("socket", wire.id, name, ...args)
      }
    }
  ])

const absent = fc.constant(undefined)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: sent(fc.record({ type: fc.constant("sub"), path })) },
  { weight: 2, arbitrary: sent(fc.record({ type: fc.constant("unsub"), path })) },
  {
    weight: 2,
    arbitrary: sent(fc.record({
      type: fc.constant("message"),
      message: fc.oneof(
        value,
        fc.record({
          do: fc.constantFrom(
            ...[
              "echo",
              "later",
              "undefined",
              "buffer",
              "date",
              "function",
              "circular",
              "bigint",
              "throw",
              "reject",
              "boom"
            ],
            ...["boom unauthorized", "boom payload", "boom 500", "return error", "send first", "count more arguments"]
          ),
          value
        })
      )
    }))
  },
  {
    weight: 4,
    arbitrary: sent(fc.record({
      type: fc.constant("request"),
      method: fc.constantFrom("GET", "GET", "POST", "get", "HEAD", "PUT", "OPTIONS", ""),
      path: fc.constantFrom(...routes),
      headers: fc.constantFrom<unknown>(
        undefined,
        null,
        {},
        { "x-a": "1" },
        { AUTHORIZATION: "x" },
        { "Content-Type": "text/plain" },
        { "if-none-match": "\"e\"" }
      ),
      payload: value.filter((value) => value !== 0 && value !== false)
    }))
  },
  fc.tuple(client, fc.constantFrom("{", "[]", "5", "\"text\"", "{\"type\":\"ping\"}", "\ufeff{}", "{\"id\":1}")).map((
    [n, text]
  ): Step => [`${n} writes ${text}`, async (_, wires) => wires[n]?.ended === false && wires[n].text(text)]),
  sent(
    fc.constantFrom<Json>({ type: "ping" }, { type: "hello", version: "2" }, { type: "nonsense" }, {})
  ),
  { weight: 4, arbitrary: controlled("publish", path.filter((path) => !path.includes("?")), message) },
  controlled("publish", path, message, fc.record({ internal: value })),
  controlled(
    "publish",
    fc.constantFrom("/auth/index", "/auth/index/5", "/o"),
    message,
    fc.constantFrom({ user: "john" })
  ),
  controlled("broadcast", value),
  controlled("broadcast", value, fc.constantFrom({ user: "john" }, { user: "nobody" })),
  controlled(
    "eachSocket",
    fc.oneof(absent, path.map((subscription) => ({ subscription })), fc.constantFrom({ user: "john" }))
  ),
  member("send", value),
  member("publish", path, value),
  member("revoke", path, value, fc.constantFrom(undefined, {}, { ignoreClose: true })),
  member("isOpen"),
  member("auth"),
  client.map((n): Step => [`${n} leaves`, (_, wires, leave) => leave(wires[n])])
)

interface Play {
  readonly application: ApplicationOptions
  readonly hellos: ReadonlyArray<{ readonly auth: unknown; readonly subs: ReadonlyArray<string> }>
  readonly steps: ReadonlyArray<Step>
}

const welcomed = fc.constantFrom(
  "/o",
  "/item/5",
  "/filtered/5",
  "/filtered-whole",
  "/hooked/x",
  "/counted/5",
  "/unhooked/x"
)

const play: fc.Arbitrary<Play> = fc.constantFrom(...applications).chain((application) =>
  fc.record({
    application: fc.constant(application),
    hellos: fc.array(fc.record({ auth: auths(application), subs: fc.array(welcomed, { maxLength: 2 }) }), {
      minLength: 1,
      maxLength: 3
    }),
    steps: fc.array(step, { minLength: 5, maxLength: 15 })
  })
)

const script = ({ application, hellos, steps }: Play): Script => ({
  name: "random",
  application,
  play: async (stage) => {
    const wires: Array<Wire> = []
    const leave = async (wire: Wire | undefined): Promise<void> => {
      if (wire && !wire.ended) {
        await wire.close(4000, "bye")
        if (application.onDisconnection) {
          await stage.recorded("onDisconnection")
        }
      }
    }
    for (const [n, { auth, subs }] of hellos.entries()) {
      const wire = await stage.open("abc"[n] ?? "", { auth, subs })
      wires.push(wire)
      // What becomes of a client that was refused is decided to be different.
      if (wire.id === "") {
        return leave(wire)
      }
    }
    for (const [, run] of steps) {
      await run(stage, wires, leave)
      // Hooks and filters take turns of the event loop, and no time.
      for (let round = 0; round < 3; round++) {
        await Promise.all(wires.map((wire) => wire.fence()))
      }
    }
  }
})

const told = ({ application, hellos, steps }: Play): string =>
  JSON.stringify({ application, hellos, steps: steps.map(([name]) => name) }, null, 1)

it("any sequence of steps comes to the same", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      play.map((play) => Object.assign(play, { [fc.toStringMethod]: () => told(play) })),
      (play) =>
        unhindered(heldUp, async () => {
          const [actual, reference] = await pair.perform(script(play))
          const { peer: leveled } = failedSubPath
          expect(typeof leveled === "function" ? leveled(actual) : actual).toEqual(reference)
        }, pair.withheld)
    ),
    { numRuns: fc.runs(10, 1000) }
  )
})
