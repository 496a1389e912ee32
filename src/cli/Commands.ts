/** The commands of `effect-nes`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import * as NesClient from "../client/NesClient.js"
import { DisconnectError, isNesError, type NesError, UserError } from "../protocol/NesError.js"
import * as Bench from "./Bench.js"
import { flag, flags, type Input, options, output as common, parse, target } from "./Connecting.js"
import * as Doctor from "./Doctor.js"
import * as Environment from "./Environment.js"
import { describe, exitCodes, Failed, Output, pretty } from "./Output.js"

const path = Argument.String("path").pipe(
  Argument.filter((text) => text.startsWith("/"), () => "what begins with /"),
  Argument.withDescription("A path, such as /item/5")
)

const json = Argument.String("message").pipe(Argument.withDescription("JSON, or else taken as text"))

const milliseconds = (since: number): number => Math.round((performance.now() - since) * 10) / 10

/** A command, which says what it fails with. */
const command = <
  const Config extends Command.Command.Config & typeof common,
  Eff extends Effect.Effect<unknown, { readonly _tag: string }, Scope.Scope>
>(
  name: string,
  description: string,
  config: Config,
  work: (input: Command.Command.Config.Infer<Config>, output: Output) => Generator<Eff, void, never>
) =>
  Command.make(name, config, (input) => {
    const output = new Output((input as { readonly json: boolean }).json)
    return Effect.scoped(Effect.gen(() => work(input, output))).pipe(
      Effect.mapError((error: unknown) =>
        error instanceof Failed
          ? error
          : output.fail(isNesError(error) ? error : new UserError({ message: String(error), cause: error }))
      )
    )
  }).pipe(Command.withDescription(description))

const request = command(
  "request",
  "Calls an endpoint over the socket, and prints its payload",
  {
    ...flags,
    path: Argument.String("path").pipe(Argument.withDescription("A path such as /item/5, or a route id")),
    method: flag(Flag.String("method"), "The method", "GET", "X"),
    data: flag(Flag.String("data"), "The payload: JSON, or else taken as text", undefined, "d"),
    requestHeader: flag(Flag.KeyValuePair("request-header"), "A header of the request, as name=value", {})
  },
  function*(input, output) {
    const client = yield* NesClient.make(options(input))
    const since = performance.now()
    const { headers, payload, statusCode } = yield* client.request({
      path: input.path,
      method: input.method,
      headers: input.requestHeader,
      ...(input.data !== undefined && { payload: parse(input.data) })
    })
    const ms = milliseconds(since)
    if (output.isJson) {
      output.result("response", { statusCode, headers, payload, ms }, "")
    } else {
      output.note("", {}, `${statusCode} in ${ms} ms`)
      output.result("", {}, pretty(payload))
    }
  }
).pipe(
  Command.withExamples([
    { command: "effect-nes request ws://localhost:8000 /item/5" },
    { command: `effect-nes request ws://localhost:8000 /item/5 -X POST -d '{"status":"shipped"}'` }
  ])
)

const message = command(
  "message",
  "Sends a custom message, and prints what the server's onMessage answers",
  { ...flags, message: json },
  function*(input, output) {
    const client = yield* NesClient.make(options(input))
    const payload = yield* client.message(parse(input.message))
    output.result("answer", { payload }, pretty(payload))
  }
)

const eventData = ({ _tag, ...data }: NesClient.ClientEvent): Record<string, unknown> => ({
  ...data,
  ...("delay" in data && { delay: Duration.toMillis(data.delay) }),
  ...("error" in data && { error: describe(data.error) })
})

const each = <A, E>(stream: Stream.Stream<A, E>, print: (value: A) => void): Effect.Effect<void, E> =>
  Stream.runForEach(stream, (value) => Effect.sync(() => print(value)))

/** Prints the updates of paths; it ends when each path has had `count`. */
const updates = (
  client: NesClient.Service,
  paths: ReadonlyArray<string>,
  output: Output,
  count = Infinity
): Effect.Effect<void, NesError | NesClient.OverflowError> =>
  Effect.forEach(
    paths,
    (path) =>
      each(Stream.take(client.subscribe(path), count), ({ gap, message, revoked, snapshot }) => {
        const marks = { ...(gap && { gap }), ...(revoked && { revoked }), ...(snapshot && { snapshot }) }
        const text = `${path} ${JSON.stringify(message)}${Object.keys(marks).map((mark) => ` (${mark})`).join("")}`
        output.result("update", { path, message, ...marks }, text)
      }),
    { concurrency: "unbounded", discard: true }
  )

const lasting = (input: Input): NesClient.Options => ({ ...options(input), reconnect: { jitter: true } })

const subscribe = command(
  "subscribe",
  "Prints the updates of paths, across lost connections",
  {
    ...flags,
    paths: path.pipe(Argument.atLeast(1)),
    count: flag(Flag.Int("count"), "End after so many of each path", undefined, "n")
  },
  function*(input, output) {
    const client = yield* NesClient.make(lasting(input))
    yield* updates(client, input.paths, output, input.count)
  }
)

const watch = command(
  "watch",
  "Prints what happens to a connection: events, broadcasts, updates, latencies",
  {
    ...flags,
    paths: path.pipe(Argument.variadic()),
    request: flag(Flag.String("request"), "Ask for this path again and again, and print how long the answer takes"),
    every: flag(Flag.Finite("every"), "Seconds between such requests", 1)
  },
  function*(input, output) {
    const client = yield* NesClient.make({ ...lasting(input), connect: false })
    yield* Effect.forkScoped(each(client.events, (event) => {
      const time = new Date().toISOString()
      const data = eventData(event)
      output.note("event", { event: event._tag, time, ...data }, `${time} ${event._tag} ${JSON.stringify(data)}`)
    }))
    yield* Effect.forkScoped(
      each(client.updates, (message) => output.result("broadcast", { message }, `broadcast ${JSON.stringify(message)}`))
    )
    yield* Effect.yieldNow
    yield* client.connect()
    const ask = (path: string) =>
      Effect.gen(function*() {
        const since = performance.now()
        const outcome = yield* Effect.match(client.request(path), {
          onSuccess: ({ statusCode }): Record<string, unknown> => ({ statusCode }),
          onFailure: (error) => ({ error: describe(error) })
        })
        const ms = milliseconds(since)
        output.result("latency", { path, ms, ...outcome }, `${path} ${ms} ms ${JSON.stringify(outcome)}`)
        yield* Effect.sleep(input.every * 1000)
      })
    const asking = input.request === undefined ? Effect.never : Effect.forever(ask(input.request))
    yield* Effect.all([asking, updates(client, input.paths, output)], { concurrency: "unbounded" })
  }
)

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`

const publish = command(
  "publish",
  "Publishes to every node through their Redis; through a server, `request` an endpoint that publishes",
  {
    redis: Argument.String("redis").pipe(
      Argument.withDescription("Where the servers' Redis is: redis://localhost:6379")
    ),
    path,
    message: json,
    recovery: flag(Flag.Boolean("recovery"), "The servers' subscription has recovery", false),
    prefix: flag(Flag.String("prefix"), "The servers' prefix", "nes"),
    ...common
  },
  function*(input, output) {
    const subscriptions = input.recovery ? { [input.path]: { recovery: true } } : {}
    const [Publisher, RedisBroker] = yield* Effect.tryPromise({
      try: () => Promise.all([import("../cluster/Publisher.js"), import("../redis/RedisBroker.js")]),
      catch: () => new UserError({ message: "publish needs a package: npm install @redis/client" })
    })
    const broker = RedisBroker.layer({ url: input.redis, prefix: input.prefix })
    const publisher = yield* Effect.provide(Publisher.make({ subscriptions }), broker)
    const { nodes, total } = yield* publisher.publish(input.path, parse(input.message)).pipe(
      Effect.andThen(publisher.count(input.path)),
      Effect.catchTag("BrokerError", ({ message }) => Effect.fail(new DisconnectError({ message })))
    )
    const text = total === 0
      ? `published: nobody is subscribed to ${input.path}`
      : `published to ${plural(total, "subscriber")} on ${plural(nodes, "node")}`
    output.result("published", { subscribers: total, nodes }, text)
  }
)

const bench = command(
  "bench",
  "Connects many clients, and says how long they wait: percentiles of connecting and asking; publishes nothing",
  {
    ...flags,
    clients: flag(Flag.Int("clients"), "How many clients", 100, "c"),
    concurrency: flag(Flag.Int("concurrency"), "How many connect at the same time", 50),
    seconds: flag(Flag.Finite("seconds"), "How long to measure", 10),
    request: flag(Flag.String("request"), "Each client asks for this path again and again"),
    subscribe: flag(
      Flag.String("subscribe"),
      "Each client subscribes to this path, and counts its updates; publish them elsewhere"
    )
  },
  function*(input, output) {
    const result = yield* Effect.promise(() => Bench.run({ ...input, ...target(input) }, output))
    output.result("bench", { ...result }, Bench.describe(result))
    if (result.clients === 0) {
      yield* new Failed({ exitCode: exitCodes.unreachable })
    }
    if (result.requests?.count === 0) {
      yield* new Failed({ exitCode: exitCodes.refused })
    }
  }
)

const doctor = command(
  "doctor",
  "Says why a client cannot connect: address, DNS, TCP, TLS, upgrade, hello",
  flags,
  function*(input, output) {
    const healthy = yield* Effect.promise(() =>
      Doctor.run({ ...input, ...target(input) }, (check) => {
        const advice = check.advice === undefined ? "" : `\n          ${check.advice}`
        output.result("check", { ...check }, `${check.ok ? "✓" : "✗"} ${check.name.padEnd(8)}${check.detail}${advice}`)
      })
    )
    if (!healthy) {
      yield* new Failed({ exitCode: exitCodes.refused })
    }
  }
)

const root = Command.make("effect-nes").pipe(
  Command.withDescription("Speaks with servers of effect-nes, @hapi/nes and nes"),
  Command.withSubcommands([request, message, subscribe, watch, publish, bench, doctor])
)

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

/** Runs a command line; succeeds with the status that the process ends with. */
export const run = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  Command.runWith(root, { version })(args).pipe(
    Effect.as(0),
    Effect.catch((error) => Effect.succeed(error instanceof Failed ? error.exitCode : exitCodes.usage)),
    Effect.provide(Environment.layer)
  )
