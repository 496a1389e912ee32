/**
 * The server's side of contracts: what is published is checked when it is compiled, and encoded by the Schema.
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as Contract from "../protocol/Contract.js"
import type { UserError } from "../protocol/NesError.js"
import type { BrokerError } from "../server/Broker.js"
import type { Target } from "../server/Command.js"
import { NesServer, type Past, type PastUpdate, type Service } from "../server/NesServer.js"
import type { BroadcastOptions, PublishOptions } from "../server/Node.js"
import { Snapshot } from "../server/subscription/Snapshot.js"
import type { Verdict } from "../server/subscription/Subscription.js"
import * as Hooks from "./Hooks.js"
import * as Refusal from "./Refusal.js"

/** @since 1.0.0 */
export type { BroadcastOptions, PublishOptions } from "../server/Node.js"
/** @since 1.0.0 */
export { type Snapshot, snapshotAt } from "../server/subscription/Snapshot.js"
/** @since 1.0.0 */
export type { Verdict } from "../server/subscription/Subscription.js"
/** @since 1.0.0 */
export type { FilterContext, HookRequirements } from "./Hooks.js"

/**
 * The options of a subscription, as `NesHttpServer.subscription` has them: its hooks are given the parameters of the
 * contract's path, its filter the decoded message, and what `override` and `snapshot` answer is encoded. A snapshot of
 * `undefined` is none.
 *
 * @since 1.0.0
 * @category models
 */
export interface Options<Path extends string, Message, RF = never, RS = never, RN = never, RP = never>
  extends
    Hooks.SubscriptionOptions<
      RF,
      RS,
      RN,
      RP,
      Contract.PathParams<Path>,
      Message,
      Message | Snapshot<Message> | undefined
    >
{}

/**
 * Declares the subscription of a contract. The requirements of its hooks are those of this Effect, with what it takes
 * to decode for the filter, and to encode what it or the snapshot answers.
 *
 * Fails with `UserError` if the path is invalid or conflicts with another, or an option is invalid.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscription = <
  const Path extends string,
  Message extends Schema.Constraint,
  RF = never,
  RS = never,
  RN = never,
  RP = never
>(
  contract: Contract.Subscription<Path, Message>,
  options: Options<Path, Message["Type"], RF, RS, RN, RP> = {}
): Effect.Effect<
  void,
  UserError,
  NesServer | Hooks.HookRequirements<RF | RS | RN | RP> | Message["DecodingServices"] | Message["EncodingServices"]
> => {
  // The parameters are what the path says.
  const { filter, snapshot, ...rest } = options as unknown as Options<string, Message["Type"], RF, RS, RN, RP>
  const decode = Contract.decode(contract.message, contract.path)
  const encode = Contract.encode(contract.message, contract.path)
  // What does not decode or encode is a defect.
  const view = (message: unknown) => Effect.catchEager(decode(message), Effect.die)
  const encoded = (message: Message["Type"]) => Effect.catchEager(encode(message), Effect.die)
  const judged = (verdict: Verdict): Effect.Effect<Verdict, never, Message["EncodingServices"]> =>
    typeof verdict === "object" && verdict.override !== undefined
      ? Effect.mapEager(encoded(verdict.override), (override) => ({ override }))
      : Effect.succeed(verdict)
  type R = RF | RS | RN | RP | Message["DecodingServices"] | Message["EncodingServices"]

  return Hooks.declare<R, R, R, R>(
    contract.path,
    {
      ...rest,
      filter: filter && ((path, seen, context) => {
        const verdict: Effect.Effect<Verdict, Refusal.Refusal, R> = Effect.flatMapEager(
          seen as ReturnType<typeof view>,
          (message) => {
            const verdict = filter(path, message, context)
            return Effect.isEffect(verdict) ? Effect.flatMapEager(verdict, judged) : judged(verdict)
          }
        )
        return Exit.isExit(verdict) && Exit.isSuccess(verdict) ? verdict.value as Verdict : verdict
      }),
      snapshot: snapshot && ((...args) =>
        Effect.flatMap(snapshot(...args), (first) =>
          first instanceof Snapshot
            ? Effect.map(encoded(first.message), (message) => new Snapshot(message, first.until))
            : first === undefined
            ? Effect.undefined
            : encoded(first)))
    },
    filter && view
  )
}

/**
 * `subscription` as a Layer.
 *
 * @since 1.0.0
 * @category subscriptions
 */
export const layerSubscription = <
  const Path extends string,
  Message extends Schema.Constraint,
  RF = never,
  RS = never,
  RN = never,
  RP = never
>(
  contract: Contract.Subscription<Path, Message>,
  options?: Options<Path, Message["Type"], RF, RS, RN, RP>
): Layer.Layer<
  never,
  UserError,
  NesServer | Hooks.HookRequirements<RF | RS | RN | RP> | Message["DecodingServices"] | Message["EncodingServices"]
> => Layer.effectDiscard(subscription(contract, options))

const atPath = <Path extends string, Message extends Schema.Constraint, A, E, R>(
  contract: Contract.Subscription<Path, Message>,
  params: Contract.ParamsArgument<Path>,
  work: (path: string) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | UserError, R> => {
  let path: string
  try {
    path = Contract.pathOf(contract, params)
  } catch (cause) {
    return Effect.fail(cause as UserError)
  }
  return work(path)
}

/**
 * What publishes by contracts. `R` is what it takes to have the server: nothing if it is bound to one, or to a
 * `Publisher` (`make`). All of it fails with a `ContractError` if a message does not encode, with a `UserError` if a
 * parameter of the path is empty or cannot be encoded.
 *
 * @since 1.0.0
 * @category models
 */
export interface Server<R = never> {
  /** Publishes to the subscribers of a path. */
  readonly publish: <Path extends string, Message extends Schema.Constraint>(
    contract: Contract.Subscription<Path, Message>,
    params: Contract.ParamsArgument<Path>,
    ...args: Contract.ValueArguments<Message, [options?: PublishOptions]>
  ) => Effect.Effect<void, Contract.ContractError | UserError | BrokerError, R | Message["EncodingServices"]>
  /** Ends subscriptions to a path, of a socket or a user, on whatever node; `message` is their last update, if given. */
  readonly revoke: <Path extends string, Message extends Schema.Constraint>(
    contract: Contract.Subscription<Path, Message>,
    params: Contract.ParamsArgument<Path>,
    target: Target,
    message?: Message["Type"]
  ) => Effect.Effect<void, Contract.ContractError | UserError | BrokerError, R | Message["EncodingServices"]>
  /** Sends a message to all connections. */
  readonly broadcast: <Message extends Schema.Constraint>(
    contract: Contract.Broadcast<Message>,
    ...args: Contract.ValueArguments<Message, [options?: BroadcastOptions]>
  ) => Effect.Effect<void, Contract.ContractError | UserError | BrokerError, R | Message["EncodingServices"]>
}

const serverOf = <R>(
  server: Effect.Effect<Pick<Service, "publish" | "revoke" | "broadcast">, never, R>
): Server<R> => ({
  publish: (contract, params, ...args) =>
    Effect.flatMap(server, (nes) => {
      const [message, options] = args as readonly [message?: unknown, options?: PublishOptions]
      return atPath(contract, params, (path) =>
        Effect.flatMapEager(
          Contract.encode(contract.message, path)(message),
          (encoded) => nes.publish(path, encoded, options)
        ))
    }),
  revoke: (contract, params, target, message) =>
    Effect.flatMap(server, (nes) =>
      atPath(contract, params, (path) =>
        Effect.flatMapEager(
          message === undefined ? Effect.undefined : Contract.encode(contract.message, path)(message),
          (last) => nes.revoke(target, path, last)
        ))),
  broadcast: (contract, ...args) =>
    Effect.flatMap(server, (nes) => {
      const [message, options] = args as readonly [message?: unknown, options?: BroadcastOptions]
      return Effect.flatMapEager(
        Contract.encode(contract.message, contract.name)(message),
        (encoded) => nes.broadcast(encoded, options)
      )
    })
})

/**
 * Publishes by a value: one of several servers, or a `Publisher`.
 *
 * @since 1.0.0
 * @category constructors
 */
export const make = (server: Pick<Service, "publish" | "revoke" | "broadcast">): Server =>
  serverOf(Effect.succeed(server))

const ofService = serverOf(NesServer)

/**
 * Publishes to the subscribers of a path: `Server.publish` of the `NesServer` that is provided.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const publish: Server<NesServer>["publish"] = ofService.publish

/**
 * Ends subscriptions to a path: `Server.revoke` of the `NesServer` that is provided.
 *
 * @since 1.0.0
 * @category subscriptions
 */
export const revoke: Server<NesServer>["revoke"] = ofService.revoke

/**
 * Sends a message to all connections. Fails with a `ContractError` if it does not encode.
 *
 * @since 0.1.0
 * @category broadcasts
 */
export const broadcast: Server<NesServer>["broadcast"] = ofService.broadcast

/**
 * Reads the last updates of a path with `recovery` or `state`, decoded: all that are kept, or `limit` of them.
 *
 * @since 1.0.0
 * @category subscriptions
 */
export const history = <Path extends string, Message extends Schema.Constraint>(
  contract: Contract.Subscription<Path, Message>,
  params: Contract.ParamsArgument<Path>,
  options?: { readonly limit?: number | undefined }
): Effect.Effect<
  Past<Message["Type"]>,
  Contract.ContractError | UserError | BrokerError,
  NesServer | Message["DecodingServices"]
> =>
  atPath(contract, params, (path) =>
    Effect.gen(function*() {
      const nes = yield* NesServer
      const decode = Contract.decode(contract.message, path)
      const { updates, ...past } = yield* nes.history(path).read(options)
      return {
        ...past,
        updates: yield* Effect.forEach(
          updates,
          (update) =>
            Effect.map(decode(update.message), (message): PastUpdate<Message["Type"]> => ({ ...update, message }))
        ),
        ...("state" in past && { state: yield* decode(past.state) })
      }
    }))

/**
 * Recognises one kind of custom message: the effect it yields makes the answer. `S` is what the door has for a socket,
 * `E` what an answer fails with, `R` what it requires.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler<S, E, R> = (
  message: unknown,
  socket: S
) => Effect.Effect<Effect.Effect<unknown, E, R>, Contract.ContractError, R>

/**
 * Answers the custom messages of a contract. An answer that does not encode is a defect. What it fails with is answered
 * as the contract's error if it is that, else as for any hook. `answer` may name the socket's type, that of the door:
 * `Socket` of `effect-nes` or of `effect-nes/hapi`.
 *
 * @since 0.1.0
 * @category messages
 */
export const handler = <
  Request extends Schema.Constraint,
  Response extends Schema.Constraint,
  Failure extends Schema.Constraint,
  E,
  R,
  S = unknown
>(
  { error, name, request, response }: Contract.Message<Request, Response, Failure>,
  answer: (message: Request["Type"], socket: S) => Effect.Effect<Response["Type"], E, R>
): Handler<
  S,
  Exclude<E, Failure["Type"]>,
  Request["DecodingServices"] | Response["EncodingServices"] | Failure["EncodingServices"] | R
> => {
  const decode = Contract.decode(request, name)
  const encode = Contract.encode(response, name)
  const encodeError = Contract.encode(error, name)
  const refuse = (failure: E) =>
    Effect.matchEffect(encodeError(failure), {
      onFailure: () => Effect.fail(failure as Exclude<E, Failure["Type"]>),
      onSuccess: (encoded) => Effect.die(answerOf(statusOf(error.ast, failure), failure, encoded))
    })
  return (message, socket) =>
    Effect.map(
      decode(message),
      (decoded) =>
        Effect.flatMap(
          Effect.catch(Effect.suspend(() => answer(decoded, socket)), refuse),
          (value) => Effect.orDie(encode(value))
        )
    )
}

const annotated = SchemaAST.resolveAt<number>("httpApiStatus")

const statusOf = (ast: SchemaAST.AST, failure: unknown): number => {
  const member = SchemaAST.isUnion(ast) ? ast.types.find((type) => Schema.is(Schema.make(type))(failure)) : undefined
  return member === undefined ? annotated(ast) ?? 400 : statusOf(member, failure)
}

// Old clients read status and text, those with the contract what it is.
const answerOf = (statusCode: number, failure: unknown, encoded: unknown): Boom.Boom => {
  const message = failure instanceof Error ? failure.message : undefined
  const boom = new Boom.Boom(message, { statusCode })
  Object.assign(boom.output.payload, { failure: encoded })
  return boom
}

type AnyHandler = Handler<never, unknown, unknown>

/**
 * What the handlers of a list require.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<Handlers extends ReadonlyArray<AnyHandler>> = Handlers[number] extends
  Handler<never, unknown, infer R> ? R
  : never

/**
 * What the handlers of a list fail with.
 *
 * @since 1.0.0
 * @category models
 */
export type ErrorOf<Handlers extends ReadonlyArray<AnyHandler>> = Handlers[number] extends
  Handler<never, infer E, unknown> ? E
  : never

/**
 * The socket that all handlers of a list can be given.
 *
 * @since 0.1.0
 * @category models
 */
export type SocketOf<Handlers extends ReadonlyArray<AnyHandler>> = [Handlers[number]] extends
  [(message: unknown, socket: infer S) => unknown] ? S : never

/**
 * The `onMessage` hook of a server: the first handler that recognises a message answers it; where none does, it is
 * answered 400. What an answer fails with is answered as for any hook. The hook requires what its handlers do: on hapi,
 * which has no Layer to take it from, it has to be provided.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMessage = <Handlers extends ReadonlyArray<AnyHandler>>(
  ...handlers: Handlers
): (
  socket: SocketOf<Handlers>,
  message: unknown
) => Effect.Effect<unknown, ErrorOf<Handlers>, Requirements<Handlers>> => {
  type All = Handler<SocketOf<Handlers>, ErrorOf<Handlers>, Requirements<Handlers>>
  return Effect.fnUntraced(function*(socket, message) {
    const errors: Array<string> = []
    for (const handle of handlers as unknown as ReadonlyArray<All>) {
      const recognised = yield* Effect.result(handle(message, socket))
      if (Result.isSuccess(recognised)) {
        // hapi knows no Refusal.
        return yield* Refusal.asAnswer(recognised.success) as typeof recognised.success
      }
      errors.push(recognised.failure.message)
    }
    // Both doors answer a Boom with its status, whichever way it comes.
    return yield* Effect.die(Boom.badRequest(errors.join("\n")))
  })
}
