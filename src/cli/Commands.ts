/** The commands of `effect-nes`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ClientEvent } from "../client/ClientEvent.js"
import * as NesClient from "../client/NesClient.js"
import { isNesError, type NesError, UserError } from "../protocol/NesError.js"
import * as Bench from "./Bench.js"
import * as Connecting from "./Connecting.js"
import * as Doctor from "./Doctor.js"
import { describe, exitCodes, Failed, Output, pretty } from "./Output.js"

const path = Argument.String("path").pipe(Argument.withDescription("A path, such as /item/5"))

const milliseconds = (since: number): number => Math.round((performance.now() - since) * 10) / 10

/** Runs what a command does with a client, and says what it fails with. */
const command = <A, E extends { readonly _tag: string }>(
  { json }: { readonly json: boolean },
  work: (output: Output) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<void, Failed> => {
  const output = new Output(json)
  return Effect.scoped(work(output)).pipe(
    Effect.asVoid,
    Effect.mapError((error) =>
      error instanceof Failed
        ? error
        : output.fail(isNesError(error) ? error : new UserError({ message: String(error), cause: error }))
    )
  )
}

const request = Command.make(
  "request",
  {
    ...Connecting.flags,
    path: Argument.String("path").pipe(Argument.withDescription("A path such as /item/5, or a route id")),
    method: Flag.String("method").pipe(
      Flag.withAlias("X"),
      Flag.withDescription("The method"),
      Flag.withDefault("GET")
    ),
    data: Flag.String("data").pipe(
      Flag.withAlias("d"),
      Flag.withDescription("The payload: JSON, or else taken as text"),
      Flag.optional
    ),
    requestHeader: Flag.KeyValuePair("request-header").pipe(
      Flag.withDescription("A header of the request, as name=value"),
      Flag.withDefault({})
    )
  },
  (input) =>
    command(input, (output) =>
      Effect.gen(function*() {
        const client = yield* NesClient.make(Connecting.options(input))
        const since = performance.now()
        const { headers, payload, statusCode } = yield* client.request({
          path: input.path,
          method: input.method,
          headers: input.requestHeader,
          ...(Option.isSome(input.data) && { payload: Connecting.parse(input.data.value) })
        })
        const ms = milliseconds(since)
        if (output.isJson) {
          output.result("response", { statusCode, headers, payload, ms }, "")
        } else {
          output.note("", {}, `${statusCode} in ${ms} ms`)
          output.result("", {}, pretty(payload))
        }
      }))
).pipe(
  Command.withDescription("Calls an endpoint over the socket, and prints its payload"),
  Command.withExamples([
    { command: "effect-nes request ws://localhost:8000 /item/5" },
    { command: `effect-nes request ws://localhost:8000 /item/5 -X POST -d '{"status":"shipped"}'` }
  ])
)

const message = Command.make(
  "message",
  {
    ...Connecting.flags,
    message: Argument.String("message").pipe(Argument.withDescription("JSON, or else taken as text"))
  },
  (input) =>
    command(input, (output) =>
      Effect.gen(function*() {
        const client = yield* NesClient.make(Connecting.options(input))
        const payload = yield* client.message(Connecting.parse(input.message))
        output.result("answer", { payload }, pretty(payload))
      }))
).pipe(Command.withDescription("Sends a custom message, and prints what the server's onMessage answers"))

const eventData = (event: ClientEvent): Record<string, unknown> => {
  switch (event._tag) {
    case "Reconnecting":
      return { attempt: event.attempt, delay: Duration.toMillis(event.delay) }
    case "Error":
      return { error: describe(event.error) }
    default: {
      const { _tag, ...data } = event
      return data
    }
  }
}

/** Prints the client's events for as long as there are any. */
const events = (client: NesClient.Service, output: Output): Effect.Effect<void> =>
  client.events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        const time = new Date().toISOString()
        const data = eventData(event)
        output.note("event", { event: event._tag, time, ...data }, `${time} ${event._tag} ${JSON.stringify(data)}`)
      })
    )
  )

/** Prints the updates of paths; it ends when each path has had `count`. */
const updates = (
  client: NesClient.Service,
  paths: ReadonlyArray<string>,
  output: Output,
  count: Option.Option<number>
): Effect.Effect<void, NesError | NesClient.OverflowError> =>
  Effect.forEach(paths, (path) => {
    const stream = client.subscribe(path)
    return (Option.isSome(count) ? Stream.take(stream, count.value) : stream).pipe(
      Stream.runForEach(({ gap, message, revoked }) =>
        Effect.sync(() => {
          const marks = { ...(gap && { gap }), ...(revoked && { revoked }) }
          const text = `${path} ${JSON.stringify(message)}${Object.keys(marks).map((mark) => ` (${mark})`).join("")}`
          output.result("update", { path, message, ...marks }, text)
        })
      )
    )
  }, { concurrency: "unbounded", discard: true })

const lasting = (input: Connecting.Input): NesClient.Options => ({
  ...Connecting.options(input),
  reconnect: { jitter: true }
})

const subscribe = Command.make(
  "subscribe",
  {
    ...Connecting.flags,
    paths: path.pipe(Argument.atLeast(1)),
    count: Flag.Int("count").pipe(
      Flag.withAlias("n"),
      Flag.withDescription("End after so many of each path"),
      Flag.optional
    )
  },
  (input) =>
    command(input, (output) =>
      Effect.gen(function*() {
        const client = yield* NesClient.make(lasting(input))
        yield* updates(client, input.paths, output, input.count)
      }))
).pipe(Command.withDescription("Prints the updates of paths, across lost connections"))

const watch = Command.make(
  "watch",
  {
    ...Connecting.flags,
    paths: path.pipe(Argument.variadic()),
    request: Flag.String("request").pipe(
      Flag.withDescription("Ask for this path again and again, and print how long the answer takes"),
      Flag.optional
    ),
    every: Flag.Finite("every").pipe(Flag.withDescription("Seconds between such requests"), Flag.withDefault(1))
  },
  (input) =>
    command(input, (output) =>
      Effect.gen(function*() {
        const client = yield* NesClient.make({ ...lasting(input), connect: false })
        yield* Effect.forkScoped(events(client, output))
        yield* Effect.forkScoped(client.updates.pipe(
          Stream.runForEach((message) =>
            Effect.sync(() => output.result("broadcast", { message }, `broadcast ${JSON.stringify(message)}`))
          )
        ))
        yield* Effect.yieldNow
        yield* client.connect()
        const asking = Option.match(input.request, {
          onNone: () => Effect.never,
          onSome: (path) =>
            Effect.forever(
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
            )
        })
        yield* Effect.all([asking, updates(client, input.paths, output, Option.none())], { concurrency: "unbounded" })
      }))
).pipe(Command.withDescription("Prints what happens to a connection: events, broadcasts, updates, latencies"))

const publish = Command.make(
  "publish",
  {
    redis: Argument.String("redis").pipe(
      Argument.withDescription("Where the servers' Redis is: redis://localhost:6379")
    ),
    path,
    message: Argument.String("message").pipe(Argument.withDescription("JSON, or else taken as text")),
    recovery: Flag.Boolean("recovery").pipe(
      Flag.withDescription("The servers' subscription has recovery"),
      Flag.withDefault(false)
    ),
    ...Connecting.output
  },
  (input) =>
    command(input, (output) =>
      Effect.gen(function*() {
        const load = Effect.promise(() =>
          Promise.all([import("../cluster/Publisher.js"), import("../redis/RedisBroker.js")])
        )
        const [Publisher, RedisBroker] = yield* load
        const subscriptions = input.recovery ? { [input.path]: { recovery: true } } : {}
        const published = Effect.tryPromise({
          try: async () => {
            const publisher = await Publisher.open(RedisBroker.makeUnsafe({ url: input.redis }), { subscriptions })
            try {
              await publisher.publish(input.path, Connecting.parse(input.message))
              return await publisher.count(input.path)
            } finally {
              await publisher.close()
            }
          },
          catch: (cause) => {
            const text = cause instanceof Error ? cause.message : String(cause)
            output.note("error", { error: { message: text } }, text)
            return new Failed({ exitCode: exitCodes.unreachable })
          }
        })
        const { nodes, total } = yield* published
        output.result("published", { subscribers: total, nodes }, `published to ${total} subscribers on ${nodes} nodes`)
      }))
).pipe(Command.withDescription(
  "Publishes to every node through their Redis; through a server, `request` an endpoint that publishes"
))

const bench = Command.make(
  "bench",
  {
    ...Connecting.flags,
    clients: Flag.Int("clients").pipe(
      Flag.withAlias("c"),
      Flag.withDescription("How many clients"),
      Flag.withDefault(100)
    ),
    concurrency: Flag.Int("concurrency").pipe(
      Flag.withDescription("How many connect at the same time"),
      Flag.withDefault(50)
    ),
    seconds: Flag.Finite("seconds").pipe(Flag.withDescription("How long to measure"), Flag.withDefault(10)),
    request: Flag.String("request").pipe(
      Flag.withDescription("Each client asks for this path again and again"),
      Flag.optional
    ),
    subscribe: Flag.String("subscribe").pipe(Flag.withDescription("Each client subscribes to this path"), Flag.optional)
  },
  (input) =>
    command(input, (output) =>
      Effect.gen(function*() {
        const result = yield* Effect.promise(() =>
          Bench.run({
            url: input.url,
            auth: Connecting.credentials(input),
            ws: Connecting.socketOptions(input),
            timeout: input.timeout * 1000,
            clients: input.clients,
            concurrency: input.concurrency,
            seconds: input.seconds,
            request: Option.getOrUndefined(input.request),
            subscribe: Option.getOrUndefined(input.subscribe)
          }, output)
        )
        output.result("bench", { ...result }, Bench.describe(result))
        if (result.clients === 0) {
          return yield* new Failed({ exitCode: exitCodes.unreachable })
        }
      }))
).pipe(
  Command.withDescription("Connects many clients, and says how long they wait: percentiles of connecting and asking")
)

const doctor = Command.make("doctor", Connecting.flags, (input) =>
  command(input, (output) =>
    Effect.gen(function*() {
      const healthy = yield* Effect.promise(() =>
        Doctor.run({
          url: input.url,
          auth: Connecting.credentials(input),
          header: input.header,
          origin: Option.getOrUndefined(input.origin),
          insecure: input.insecure,
          timeout: input.timeout * 1000,
          ws: Connecting.socketOptions(input)
        }, (check) => {
          const advice = check.advice === undefined ? "" : `\n          ${check.advice}`
          output.result(
            "check",
            { ...check },
            `${check.ok ? "✓" : "✗"} ${check.name.padEnd(8)}${check.detail}${advice}`
          )
        })
      )
      if (!healthy) {
        return yield* new Failed({ exitCode: exitCodes.refused })
      }
    }))).pipe(Command.withDescription("Says why a client cannot connect: address, DNS, TCP, TLS, upgrade, hello"))

/** The command line. */
export const root = Command.make("effect-nes").pipe(
  Command.withDescription("Speaks with servers of effect-nes, @hapi/nes and nes"),
  Command.withSubcommands([request, message, subscribe, watch, publish, bench, doctor])
)
