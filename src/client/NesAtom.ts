/**
 * Atoms of a client, for programs with a page: of what a subscription brings, of what a request answers, and of the
 * connection. What no component looks at any more is unsubscribed and, with the last of them, the client disconnected.
 *
 * ```ts
 * const nes = NesAtom.make(NesClient.layer({ url: "ws://localhost:8000" }))
 *
 * const live = nes.subscription("/item/5") // Atom<AsyncResult<Update, …>>
 * const item = nes.query("/item/5", { reactivityKeys: ["item"] }) // Atom<AsyncResult<Response, …>>
 * ```
 *
 * @since 1.0.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import * as Atom from "effect/reactivity/Atom"
import type { AtomRegistry } from "effect/reactivity/AtomRegistry"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { NesError } from "../protocol/NesError.js"
import {
  type CallOptions,
  NesClient,
  type OverflowError,
  type RequestOptions,
  type Response,
  type Status,
  type SubscribeOptions,
  type Update
} from "./NesClient.js"

/**
 * How to ask, and when again.
 *
 * @since 1.0.0
 * @category models
 */
export interface QueryOptions extends CallOptions {
  /** A mutation with one of these keys has the request asked again. */
  readonly reactivityKeys?: Reactivity.KeysInput | undefined
  /** How long the answer is kept when no component looks at it any more. Default: as the registry has it. */
  readonly timeToLive?: Duration.Input | undefined
}

/**
 * A request that changes something.
 *
 * @since 1.0.0
 * @category models
 */
export interface Mutation extends CallOptions {
  readonly request: string | RequestOptions
  /** Queries with one of these keys are asked again when it has been answered. */
  readonly reactivityKeys?: Reactivity.KeysInput | undefined
}

/**
 * The atoms of a client.
 *
 * @since 1.0.0
 * @category models
 */
export interface NesAtom<E> {
  /** For atoms of one's own, such as `runtime.atom(ContractClient.subscribe(contract, params))`. */
  readonly runtime: Atom.AtomRuntime<NesClient, E>
  /** What state the client is in. */
  readonly status: Atom.Atom<AsyncResult.AsyncResult<Status, E | Cause.NoSuchElementError>>
  /** The last update of a path, which is subscribed to while somebody looks. */
  readonly subscription: (
    path: string,
    options?: SubscribeOptions
  ) => Atom.Atom<AsyncResult.AsyncResult<Update, E | NesError | OverflowError | Cause.NoSuchElementError>>
  /** The answer to a request. It waits for a connection, and asks again with each new one. */
  readonly query: (
    request: string | RequestOptions,
    options?: QueryOptions
  ) => Atom.Atom<AsyncResult.AsyncResult<Response, E | NesError>>
  /** Makes a request when it is set to one, while it is mounted: otherwise nothing is sent. */
  readonly mutation: Atom.AtomResultFn<Mutation, Response, E | NesError>
}

/**
 * Makes the atoms of the client that a Layer provides.
 *
 * @since 1.0.0
 * @category constructors
 */
export const make = <E>(
  client:
    | Layer.Layer<NesClient, E, AtomRegistry | Reactivity.Reactivity>
    | ((get: Atom.AtomContext) => Layer.Layer<NesClient, E, AtomRegistry | Reactivity.Reactivity>)
): NesAtom<E> => {
  const runtime = Atom.runtime(client)
  const changes = Stream.unwrap(NesClient.useSync((nes) => nes.statusChanges))
  const connection = runtime.atom(
    Stream.filterMap(changes, (status) => status._tag === "Connected" ? Result.succeed(status.id) : Result.failVoid)
  )

  const subscriptions = Atom.family(({ options, path }: { path: string; options: SubscribeOptions | undefined }) =>
    runtime.atom(Stream.unwrap(NesClient.useSync((nes) => nes.subscribe(path, options))))
  )

  const queries = Atom.family(({ options, request }: { request: string | RequestOptions; options: QueryOptions }) => {
    const { reactivityKeys, timeToLive } = options
    const asked = runtime.atom((get) =>
      AsyncResult.isSuccess(get(connection)) ? NesClient.use((nes) => nes.request(request, options)) : Effect.never
    )
    const atom = reactivityKeys === undefined ? asked : runtime.factory.withReactivity(reactivityKeys)(asked)
    return timeToLive === undefined ? atom : Atom.setIdleTTL(atom, timeToLive)
  })

  return {
    runtime,
    status: runtime.atom(changes),
    subscription: (path, options) => subscriptions({ path, options }),
    query: (request, options = {}) => queries({ request, options }),
    mutation: runtime.fn<Mutation>()(({ reactivityKeys = [], request, ...options }) =>
      Reactivity.mutation(NesClient.use((nes) => nes.request(request, options)), reactivityKeys)
    )
  }
}
