/**
 * Contracts: what server and client agree on, written once. A path says its parameters, a Schema what travels: as JSON,
 * by the Schema's JSON codec, as Effect's own HTTP and RPC do it.
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
import * as Schema from "effect/Schema"
import * as JsonCodec from "./JsonCodec.js"
import { UserError } from "./NesError.js"

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
  readonly cause: Schema.SchemaError
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

// Nothing else is taken for the parameters of a path that has none. A path known to be a path alone may have any.
type Simplified<Path extends string, Value> = unknown extends ParamsOf<Path, Value>
  ? Readonly<Record<string, "/{}" extends Path ? Value : never>>
  : Simplify<ParamsOf<Path, Value>>

/**
 * The parameters that a path asks for: `"/item/{id}"` requires `{ id }`; `{id?}` and `{id*}` may be left out. A path
 * without parameters has `{}`.
 *
 * @since 0.1.0
 * @category models
 */
export type Params<Path extends string> = Simplified<Path, string | number>

/**
 * The parameters that the server finds in a path, decoded.
 *
 * @since 1.0.0
 * @category models
 */
export type PathParams<Path extends string> = Simplified<Path, string>

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
 * Arguments that begin with a value of a Schema, which may be left out where it is `void`.
 *
 * @since 1.0.0
 * @category models
 */
export type ValueArguments<S extends Schema.Constraint, Rest extends ReadonlyArray<unknown>> = [S["Type"]] extends
  [void] ? [value?: S["Type"], ...rest: Rest]
  : [value: S["Type"], ...rest: Rest]

/**
 * A subscription: its path, as hapi's router has them, and what is published on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subscription<Path extends string, Message extends Schema.Constraint> {
  readonly _tag: "Subscription"
  readonly path: Path
  readonly message: Message
}

/**
 * A custom message: what the client sends, and what the server answers, or fails with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message<
  Request extends Schema.Constraint,
  Response extends Schema.Constraint,
  Failure extends Schema.Constraint = Schema.Never
> {
  readonly _tag: "Message"
  readonly name: string
  readonly request: Request
  readonly response: Response
  readonly error: Failure
}

/**
 * What is broadcast.
 *
 * @since 0.1.0
 * @category models
 */
export interface Broadcast<Message extends Schema.Constraint> {
  readonly _tag: "Broadcast"
  readonly name: string
  readonly message: Message
}

/**
 * A contract for a subscription.
 *
 * @since 0.1.0
 * @category constructors
 */
export const subscription = <const Path extends `/${string}`, Message extends Schema.Constraint>(
  path: Path,
  options: { readonly message: Message }
): Subscription<Path, Message> => ({ _tag: "Subscription", path, message: options.message })

/**
 * A contract for a custom message. The name is for errors only: nothing but the request travels, so that the requests
 * of one application should tell themselves apart, as tagged structs do.
 *
 * A response that is not given is `void`, which travels as `null`. An `error` is answered with the status of its
 * annotation `httpApiStatus` (400 without one).
 *
 * @since 0.1.0
 * @category constructors
 */
export const message = <
  Request extends Schema.Constraint,
  Response extends Schema.Constraint = Schema.Void,
  Failure extends Schema.Constraint = Schema.Never
>(
  name: string,
  options: { readonly request: Request; readonly response?: Response; readonly error?: Failure }
): Message<Request, Response, Failure> => ({
  _tag: "Message",
  name,
  request: options.request,
  response: options.response ?? Schema.Void as Schema.Constraint as Response,
  error: options.error ?? Schema.Never as Schema.Constraint as Failure
})

/**
 * A contract for broadcasts. Only the message travels: of several contracts, each recognises its own by their tags,
 * that is, by the fields that are one literal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const broadcast = <Message extends Schema.Constraint>(
  name: string,
  options: { readonly message: Message }
): Broadcast<Message> => ({ _tag: "Broadcast", name, message: options.message })

const parameter = /(\/?)\{([^{}?*]+)(\?|\*\d*)?\}/g

type Template = (params: Readonly<Record<string, unknown>>) => string

const encodeAll = (text: string): string => text.split("/").map(encodeURIComponent).join("/")

// `split` hands out the literals, each followed by the slash, the name and the kind of the parameter after it.
const compile = (pattern: string): Template => {
  const [start = "", ...rest] = pattern.split(parameter)
  const parts = Array.from({ length: rest.length / 4 }, (_, n) => {
    const [slash = "", name = "", kind = "", literal = ""] = rest.slice(n * 4)
    return {
      slash,
      name,
      encode: kind.startsWith("*") ? encodeAll : encodeURIComponent,
      optional: kind === "?" || kind === "*",
      literal
    }
  })
  return (params) => {
    let filled = start
    for (const { encode, literal, name, optional, slash } of parts) {
      const value = Object.hasOwn(params, name) ? params[name] : undefined
      const isEmpty = value === undefined || value === ""
      if (isEmpty && !optional) {
        throw new UserError({ message: `Path parameter must not be empty: ${name}` })
      }
      try {
        filled += (isEmpty ? "" : slash + encode(String(value))) + literal
      } catch (cause) {
        // Such as half of a surrogate pair: a text that was cut off in the middle of an emoji.
        throw new UserError({ message: `Path parameter cannot be encoded: ${name}`, cause })
      }
    }
    return filled === "" ? "/" : filled
  }
}

/**
 * A path pattern with its parameters filled in, percent-encoded as both sides need it. The slash before an optional
 * parameter that is left out goes with it. Throws a `UserError` where one that is not optional is empty, as the path would
 * be another, and where one cannot be encoded.
 *
 * @since 0.1.0
 * @category utilities
 */
export const fill = (pattern: string, params: object = {}): string => compile(pattern)({ ...params })

const templates = new WeakMap<object, Template>()

/**
 * The path of a contract's subscription. Throws as `fill` does.
 *
 * @since 0.1.0
 * @category utilities
 */
export const pathOf = <Path extends string, Message extends Schema.Constraint>(
  contract: Subscription<Path, Message>,
  params: ParamsArgument<Path>
): string => {
  let template = templates.get(contract)
  if (template === undefined) {
    template = compile(contract.path)
    templates.set(contract, template)
  }
  return template(params ?? {})
}

const ofSubject = <A, B, R>(
  subject: string,
  code: (value: A) => Effect.Effect<B, Schema.SchemaError, R>
): (value: A) => Effect.Effect<B, ContractError, R> => {
  const toError = (cause: Schema.SchemaError): ContractError =>
    new ContractError({ subject, message: `${subject}: ${cause.message}`, cause })
  return (value) => Effect.mapErrorEager(code(value), toError)
}

/**
 * Decodes what came over the wire.
 *
 * @since 0.1.0
 * @category codecs
 */
export const decode = <S extends Schema.Constraint>(
  schema: S,
  subject: string
): (value: unknown) => Effect.Effect<S["Type"], ContractError, S["DecodingServices"]> =>
  ofSubject(subject, JsonCodec.of(schema).decode)

/**
 * Encodes what is to go over the wire.
 *
 * @since 0.1.0
 * @category codecs
 */
export const encode = <S extends Schema.Constraint>(
  schema: S,
  subject: string
): (value: S["Type"]) => Effect.Effect<unknown, ContractError, S["EncodingServices"]> =>
  ofSubject(subject, JsonCodec.of(schema).encode)
