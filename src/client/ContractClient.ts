/**
 * The client's side of contracts: what is asked for is checked when it is compiled, what arrives when it arrives.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Contract from "../protocol/Contract.js"
import * as JsonCodec from "../protocol/JsonCodec.js"
import type { NesError, ServerError, UserError } from "../protocol/NesError.js"
import * as NesClient from "./NesClient.js"
import type { OverflowError } from "./StreamBuffer.js"

/**
 * What a client does by contracts. `R` is what it takes to have the client: nothing if it is bound to one (`make`).
 *
 * @since 1.0.0
 * @category models
 */
export interface Client<R = never> {
  /** The decoded updates of a path. One that does not decode fails this Stream; `subscribeResult` goes on instead. */
  readonly subscribe: <Path extends string, S extends Schema.Constraint>(
    contract: Contract.Subscription<Path, S>,
    ...args: Contract.ParamsArguments<Path, [options?: NesClient.SubscribeOptions]>
  ) => Stream.Stream<
    NesClient.Update<S["Type"]>,
    NesError | OverflowError | Contract.ContractError,
    R | S["DecodingServices"]
  >
  /** The updates of a path, each decoded or the reason why it does not. */
  readonly subscribeResult: <Path extends string, S extends Schema.Constraint>(
    contract: Contract.Subscription<Path, S>,
    ...args: Contract.ParamsArguments<Path, [options?: NesClient.SubscribeOptions]>
  ) => Stream.Stream<
    Result.Result<NesClient.Update<S["Type"]>, Contract.ContractError>,
    NesError | OverflowError,
    R | S["DecodingServices"]
  >
  /** As `subscribe`, until the scope closes; succeeds when the server has accepted, fails with its refusal. */
  readonly subscribed: <Path extends string, S extends Schema.Constraint>(
    contract: Contract.Subscription<Path, S>,
    ...args: Contract.ParamsArguments<Path, [options?: NesClient.SubscribeOptions]>
  ) => Effect.Effect<
    Stream.Stream<
      NesClient.Update<S["Type"]>,
      NesError | OverflowError | Contract.ContractError,
      S["DecodingServices"]
    >,
    NesError,
    R | Scope.Scope
  >
  /** Sends a custom message, and decodes the answer; fails with what the contract has for an error. */
  readonly message: <
    Request extends Schema.Constraint,
    Response extends Schema.Constraint,
    Failure extends Schema.Constraint
  >(
    contract: Contract.Message<Request, Response, Failure>,
    ...args: Contract.ValueArguments<Request, [options?: NesClient.CallOptions]>
  ) => Effect.Effect<
    Response["Type"],
    Failure["Type"] | NesError | Contract.ContractError,
    R | Request["EncodingServices"] | Response["DecodingServices"] | Failure["DecodingServices"]
  >
  /**
   * The decoded broadcasts of a contract, and what the server sends to this client alone. What has not its tags is
   * passed over. It fails with a `ContractError` on one that does not decode.
   */
  readonly updates: <S extends Schema.Constraint>(
    contract: Contract.Broadcast<S>
  ) => Stream.Stream<S["Type"], Contract.ContractError, R | S["DecodingServices"]>
  /** The broadcasts of a contract, each decoded or the reason why it does not. */
  readonly updatesResult: <S extends Schema.Constraint>(
    contract: Contract.Broadcast<S>
  ) => Stream.Stream<Result.Result<S["Type"], Contract.ContractError>, never, R | S["DecodingServices"]>
}

const clientOf = <R>(client: Effect.Effect<NesClient.Service, never, R>): Client<R> => {
  const subscribing = <Path extends string, S extends Schema.Constraint>(
    contract: Contract.Subscription<Path, S>,
    [params, options]: Contract.ParamsArguments<Path, [options?: NesClient.SubscribeOptions]>
  ) =>
    Effect.flatMap(client, (nes) =>
      Effect.try({
        try: () => {
          const path = Contract.pathOf(contract, params as Contract.ParamsArgument<Path>)
          const decode = Contract.decode(contract.message, path)
          return {
            updates: nes.subscribe(path, options),
            accepted: nes.subscribed(path, options),
            decode: (update: NesClient.Update) =>
              Effect.mapEager(
                decode(update.message),
                (message): NesClient.Update<S["Type"]> => ({ ...update, message })
              )
          }
        },
        catch: (cause) => cause as UserError
      }))
  const broadcasts = ({ message }: Contract.Broadcast<Schema.Constraint>): Stream.Stream<unknown, never, R> => {
    const isTagged = JsonCodec.of(message).isTagged
    return Stream.unwrap(Effect.map(client, (nes) => Stream.filter(nes.updates, isTagged)))
  }
  return {
    subscribe: (contract, ...args) =>
      Stream.unwrap(Effect.map(subscribing(contract, args), ({ decode, updates }) => decoding(updates, decode))),
    subscribeResult: (contract, ...args) =>
      Stream.unwrap(
        Effect.map(subscribing(contract, args), ({ decode, updates }) => decoding(updates, toResult(decode)))
      ),
    subscribed: (contract, ...args) =>
      Effect.flatMap(
        subscribing(contract, args),
        ({ accepted, decode }) => Effect.map(accepted, (updates) => decoding(updates, decode))
      ),
    message: ({ error, name, request, response }, ...args) =>
      Effect.gen(function*() {
        const [value, options] = args as readonly [value?: unknown, options?: NesClient.CallOptions]
        const nes = yield* client
        const encoded = yield* Contract.encode(request, name)(value)
        const answer = yield* Effect.catchTag(nes.message(encoded, options), "ServerError", (refusal) =>
          Effect.flatMap(
            Effect.mapError(Contract.decode(error, name)(failureOf(refusal)), () => refusal),
            Effect.fail
          ))
        return yield* Contract.decode(response, name)(answer)
      }),
    updates: (contract) => decoding(broadcasts(contract), Contract.decode(contract.message, contract.name)),
    updatesResult: (contract) =>
      decoding(broadcasts(contract), toResult(Contract.decode(contract.message, contract.name)))
  }
}

const failureOf = ({ data }: ServerError): unknown => Object(data).failure

/**
 * A client bound to a value, for programs that have several.
 *
 * ```ts
 * const quotes = ContractClient.make(yield* NesClient.make({ url: "wss://quotes.example" }))
 * const updates = yield* quotes.subscribed(Quote, { symbol: "ALFA" })
 * ```
 *
 * @since 1.0.0
 * @category constructors
 */
export const make = (nes: NesClient.Service): Client => clientOf(Effect.succeed(nes))

const ofService = clientOf(NesClient.NesClient)

/**
 * The decoded updates of a path: `Client.subscribe` of the `NesClient` that is provided.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscribe: Client<NesClient.NesClient>["subscribe"] = ofService.subscribe

/**
 * The updates of a path, each decoded or the reason why it does not.
 *
 * @since 1.0.0
 * @category subscriptions
 */
export const subscribeResult: Client<NesClient.NesClient>["subscribeResult"] = ofService.subscribeResult

/**
 * As `subscribe`, until the scope closes; succeeds when the server has accepted, fails with its refusal.
 *
 * @since 1.0.0
 * @category subscriptions
 */
export const subscribed: Client<NesClient.NesClient>["subscribed"] = ofService.subscribed

/**
 * Sends a custom message, and decodes the answer; fails with what the contract has for an error.
 *
 * @since 0.1.0
 * @category messages
 */
export const message: Client<NesClient.NesClient>["message"] = ofService.message

/**
 * The decoded broadcasts of a contract: `Client.updates` of the `NesClient` that is provided.
 *
 * @since 0.1.0
 * @category broadcasts
 */
export const updates: Client<NesClient.NesClient>["updates"] = ofService.updates

/**
 * The broadcasts of a contract, each decoded or the reason why it does not.
 *
 * @since 1.0.0
 * @category broadcasts
 */
export const updatesResult: Client<NesClient.NesClient>["updatesResult"] = ofService.updatesResult

const toResult =
  <In, Out, E, R>(decode: (value: In) => Effect.Effect<Out, E, R>) =>
  (value: In): Effect.Effect<Result.Result<Out, E>, never, R> =>
    Effect.matchEager(decode(value), { onFailure: Result.fail, onSuccess: Result.succeed })

// A chunk at a time, without a step of the fiber's where none is needed. What decodes before a failure comes before it.
const decoding = <In, Out, E, R, E2, R2>(
  stream: Stream.Stream<In, E, R>,
  decode: (value: In) => Effect.Effect<Out, E2, R2>
): Stream.Stream<Out, E | E2, R | R2> =>
  Stream.transformPull(stream, (pull) =>
    Effect.sync(() => {
      let failed: Exit.Failure<never, E2> | undefined
      const untilFailure = (exits: ReadonlyArray<Exit.Exit<Out, E2>>) => {
        failed = exits.find(Exit.isFailure) as typeof failed
        const whole = failed ? exits.slice(0, exits.indexOf(failed)) : exits
        const decoded = whole.map((exit) => (exit as Exit.Success<Out>).value)
        return failed && decoded.length === 0
          ? failed
          : Effect.succeed(decoded as unknown as NonEmptyReadonlyArray<Out>)
      }
      const next = Effect.flatMap(pull, (values) => {
        const effects = values.map(decode)
        return effects.every(isExit<Out, E2>)
          ? untilFailure(effects)
          : Effect.flatMap(Effect.forEach(effects, Effect.exit), untilFailure)
      })
      return Effect.suspend(() => failed ?? next)
    }))

const isExit = <A, E>(effect: Effect.Effect<A, E, unknown>): effect is Exit.Exit<A, E> => Exit.isExit(effect)
