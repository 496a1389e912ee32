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
import * as Stream from "effect/Stream"
import * as Contract from "../protocol/Contract.js"
import type { NesError, UserError } from "../protocol/NesError.js"
import { type CallOptions, NesClient, type SubscribeOptions, type Update } from "./NesClient.js"
import type { OverflowError } from "./StreamBuffer.js"

/**
 * The decoded updates of a path. An update that does not decode fails this Stream with a `ContractError` that names the
 * path, and no other; `subscribeResult` goes on instead.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscribe = <Path extends string, S extends Schema.Constraint>(
  contract: Contract.Subscription<Path, S>,
  ...args: Contract.ParamsArguments<Path, [options?: SubscribeOptions]>
): Stream.Stream<
  Update<S["Type"]>,
  NesError | OverflowError | Contract.ContractError,
  NesClient | S["DecodingServices"]
> => {
  return updatesOf(contract, args, (decode) => decode)
}

/**
 * The updates of a path, each decoded or the reason why it does not.
 *
 * @since 1.0.0
 * @category subscriptions
 */
export const subscribeResult = <Path extends string, S extends Schema.Constraint>(
  contract: Contract.Subscription<Path, S>,
  ...args: Contract.ParamsArguments<Path, [options?: SubscribeOptions]>
): Stream.Stream<
  Result.Result<Update<S["Type"]>, Contract.ContractError>,
  NesError | OverflowError,
  NesClient | S["DecodingServices"]
> => {
  return updatesOf(contract, args, toResult)
}

/**
 * Sends a custom message, and decodes the answer.
 *
 * @since 0.1.0
 * @category messages
 */
export const message = Effect.fnUntraced(
  function*<Request extends Schema.Constraint, Response extends Schema.Constraint>(
    { name, request, response }: Contract.Message<Request, Response>,
    value: NoInfer<Request["Type"]>,
    options?: CallOptions
  ) {
    const nes = yield* NesClient
    const encoded = yield* Contract.encode(request, name)(value)
    const answer = yield* nes.message(encoded, options)
    return yield* Contract.decode(response, name)(answer)
  }
)

/**
 * The decoded broadcasts, each decoded or the reason why it does not: what the server sends to this client alone
 * arrives here too.
 *
 * @since 1.0.0
 * @category broadcasts
 */
export const updatesResult = <S extends Schema.Constraint>(
  { message, name }: Contract.Broadcast<S>
): Stream.Stream<Result.Result<S["Type"], Contract.ContractError>, never, NesClient | S["DecodingServices"]> =>
  decoding(broadcasts, toResult(Contract.decode(message, name)))

/**
 * The decoded broadcasts; fails with a `ContractError` on one that does not decode.
 *
 * @since 0.1.0
 * @category broadcasts
 */
export const updates = <S extends Schema.Constraint>(
  { message, name }: Contract.Broadcast<S>
): Stream.Stream<S["Type"], Contract.ContractError, NesClient | S["DecodingServices"]> =>
  decoding(broadcasts, Contract.decode(message, name))

const broadcasts = Stream.unwrap(Effect.map(NesClient, (nes) => nes.updates))

type Decode<S extends Schema.Constraint> = (
  update: Update
) => Effect.Effect<Update<S["Type"]>, Contract.ContractError, S["DecodingServices"]>

// One contract's subscription; `as` says what becomes of what does not decode.
const updatesOf = <Path extends string, S extends Schema.Constraint, Out, E, R>(
  contract: Contract.Subscription<Path, S>,
  [params, options]: Contract.ParamsArguments<Path, [options?: SubscribeOptions]>,
  as: (decode: Decode<S>) => (update: Update) => Effect.Effect<Out, E, R>
): Stream.Stream<Out, NesError | OverflowError | E, NesClient | R> =>
  Stream.unwrap(Effect.flatMap(NesClient, (nes) =>
    Effect.try({
      try: () => {
        const path = Contract.pathOf(contract, params as Contract.ParamsArgument<Path>)
        const decode = Contract.decode(contract.message, path)
        return decoding(
          nes.subscribe(path, options),
          as((update) => Effect.mapEager(decode(update.message), (message) => ({ ...update, message })))
        )
      },
      catch: (cause) => cause as UserError
    })))

const toResult =
  <In, Out, E, R>(decode: (value: In) => Effect.Effect<Out, E, R>) =>
  (value: In): Effect.Effect<Result.Result<Out, E>, never, R> =>
    Effect.matchEager(decode(value), { onFailure: Result.fail, onSuccess: Result.succeed })

/**
 * Decodes a chunk at a time and, as long as the Schema needs nothing that takes time, without a step of the fiber's.
 * What decodes before a value that does not is handed on before the failure.
 */
const decoding = <In, Out, E, R, E2, R2>(
  stream: Stream.Stream<In, E, R>,
  decode: (value: In) => Effect.Effect<Out, E2, R2>
): Stream.Stream<Out, E | E2, R | R2> =>
  Stream.transformPull(stream, (pull) =>
    Effect.sync(() => {
      let failed: Exit.Failure<never, E2> | undefined
      const from = (
        values: NonEmptyReadonlyArray<In>,
        start: number,
        decoded: Array<Out>
      ): Effect.Effect<NonEmptyReadonlyArray<Out>, E2, R2> => {
        for (let index = start; index < values.length; index++) {
          const effect = decode(values[index] as In)
          if (!Exit.isExit(effect)) {
            return Effect.flatMap(Effect.exit(effect), (exit) => add(exit) ?? from(values, index + 1, decoded))
          }
          const end = add(effect as Exit.Exit<Out, E2>)
          if (end !== undefined) {
            return end
          }
        }
        return Effect.succeed(decoded as unknown as NonEmptyReadonlyArray<Out>)

        function add(exit: Exit.Exit<Out, E2>): Effect.Effect<NonEmptyReadonlyArray<Out>, E2> | undefined {
          if (Exit.isSuccess(exit)) {
            decoded.push(exit.value)
            return undefined
          }
          failed = exit as Exit.Failure<never, E2>
          return decoded.length === 0 ? failed : Effect.succeed(decoded as unknown as NonEmptyReadonlyArray<Out>)
        }
      }
      const next = Effect.flatMap(pull, (values) => from(values, 0, []))
      return Effect.suspend(() => failed ?? next)
    }))
