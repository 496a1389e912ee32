/**
 * Contracts: what server and client agree on, written once. A path says its parameters, a Schema what travels.
 *
 * ```ts
 * const Item = Contract.subscription("/item/{id}", {
 *   message: Schema.Struct({ id: Schema.Number, due: Schema.Date })
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/**
 * A value that is not what the contract says. `subject` names the path, or the kind of message; `message` says what was
 * wrong, and where.
 *
 * @since 0.1.0
 * @category errors
 */
export class ContractError extends Data.TaggedError("ContractError")<{
  readonly subject: string
  readonly message: string
  readonly cause: ParseResult.ParseError
}> {}

type Whole<Name extends string, Value> = { readonly [K in Name]: Value }
type Partial_<Name extends string, Value> = { readonly [K in Name]?: Value }

type Param<Text extends string, Value> = Text extends `${infer Name}?` ? Partial_<Name, Value>
  : Text extends `${infer Name}*` ? Partial_<Name, Value>
  : Text extends `${infer Name}*${number}` ? Whole<Name, Value>
  : Whole<Text, Value>

type ParamsOf<Path extends string, Value> = Path extends `${string}{${infer Text}}${infer Rest}`
  ? Param<Text, Value> & ParamsOf<Rest, Value>
  : unknown

type Simplify<A> = { readonly [K in keyof A]: A[K] }

/**
 * The parameters that a path asks for: `"/item/{id}"` requires `{ id }`; `{id?}` and `{id*}` may be left out.
 *
 * @since 0.1.0
 * @category models
 */
export type Params<Path extends string> = Simplify<ParamsOf<Path, string | number>>

/**
 * The parameters of a path; `undefined` will do when all of them may be left out.
 *
 * @since 0.1.0
 * @category models
 */
export type ParamsArgument<Path extends string> = {} extends Params<Path> ? Params<Path> | undefined : Params<Path>

/**
 * Arguments that begin with the parameters of a path, which may be left out when all of them may be.
 *
 * @since 0.1.0
 * @category models
 */
export type ParamsArguments<Path extends string, Rest extends ReadonlyArray<unknown>> = {} extends Params<Path>
  ? [params?: Params<Path>, ...rest: Rest]
  : [params: Params<Path>, ...rest: Rest]

/**
 * A subscription: its path, as hapi's router has them, and what is published on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subscription<Path extends string, A, I, R> {
  readonly _tag: "Subscription"
  readonly path: Path
  readonly message: Schema.Schema<A, I, R>
}

/**
 * A custom message: what the client sends, and what the server answers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message<A, I, R, B, J, S> {
  readonly _tag: "Message"
  readonly name: string
  readonly request: Schema.Schema<A, I, R>
  readonly response: Schema.Schema<B, J, S>
}

/**
 * What is broadcast.
 *
 * @since 0.1.0
 * @category models
 */
export interface Broadcast<A, I, R> {
  readonly _tag: "Broadcast"
  readonly name: string
  readonly message: Schema.Schema<A, I, R>
}

/**
 * A contract for a subscription.
 *
 * @since 0.1.0
 * @category constructors
 */
export const subscription = <const Path extends `/${string}`, A, I, R>(
  path: Path,
  options: { readonly message: Schema.Schema<A, I, R> }
): Subscription<Path, A, I, R> => ({ _tag: "Subscription", path, message: options.message })

/**
 * A contract for a custom message. The name is for errors only: nothing but the request travels, so that the requests of
 * one application should tell themselves apart, as tagged structs do.
 *
 * @since 0.1.0
 * @category constructors
 */
export const message = <A, I, R, B, J, S>(
  name: string,
  options: { readonly request: Schema.Schema<A, I, R>; readonly response: Schema.Schema<B, J, S> }
): Message<A, I, R, B, J, S> => ({ _tag: "Message", name, ...options })

/**
 * A contract for broadcasts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const broadcast = <A, I, R>(
  name: string,
  options: { readonly message: Schema.Schema<A, I, R> }
): Broadcast<A, I, R> => ({ _tag: "Broadcast", name, message: options.message })

const parameter = /\/?\{([^{}?*]+)(\?|\*\d*)?\}/g

/**
 * A path pattern with its parameters filled in, percent-encoded as both sides need it. The slash before an optional
 * parameter that is left out goes with it.
 *
 * @since 0.1.0
 * @category utilities
 */
export const fill = (pattern: string, params: object = {}): string => {
  const values = new Map<string, unknown>(Object.entries(params))
  const filled = pattern.replace(parameter, (text, name: string, kind: string | undefined) => {
    const value = values.get(name)
    if (value === undefined || value === "") {
      return ""
    }
    const slash = text.startsWith("/") ? "/" : ""
    const encoded = kind?.startsWith("*")
      ? String(value).split("/").map(encodeURIComponent).join("/")
      : encodeURIComponent(String(value))
    return slash + encoded
  })
  return filled === "" ? "/" : filled
}

/**
 * The path of a contract's subscription.
 *
 * @since 0.1.0
 * @category utilities
 */
export const pathOf = <Path extends string, A, I, R>(
  contract: Subscription<Path, A, I, R>,
  params: ParamsArgument<Path>
): string => fill(contract.path, params)

const toContractError = (subject: string) => (cause: ParseResult.ParseError): ContractError =>
  new ContractError({
    subject,
    message: `${subject}: ${ParseResult.TreeFormatter.formatErrorSync(cause)}`,
    cause
  })

/**
 * Decodes what came over the wire.
 *
 * @since 0.1.0
 * @category codecs
 */
export const decode = <A, I, R>(
  schema: Schema.Schema<A, I, R>,
  subject: string
): (value: unknown) => Effect.Effect<A, ContractError, R> => {
  const decode = Schema.decodeUnknown(schema)
  return (value) => Effect.mapError(decode(value), toContractError(subject))
}

/**
 * Encodes what is to go over the wire.
 *
 * @since 0.1.0
 * @category codecs
 */
export const encode = <A, I, R>(
  schema: Schema.Schema<A, I, R>,
  subject: string
): (value: A) => Effect.Effect<I, ContractError, R> => {
  const encode = Schema.encode(schema)
  return (value) => Effect.mapError(encode(value), toContractError(subject))
}
