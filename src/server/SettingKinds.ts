/** What a setting may be, and what is made of it: the kinds of values, and Schemas of them. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { UserError } from "../protocol/NesError.js"

/** A kind of value: `read` makes of what is given what the server takes, or `undefined` if it is none of the kind. */
export interface Kind<A> {
  readonly what: string
  readonly read: (u: unknown) => A | undefined
}

export const isText = (u: unknown): u is string => typeof u === "string" && u !== ""

const isCount = (u: unknown): u is number => Number.isSafeInteger(u) && Number(u) > 0

export const kind = <A>(what: string, is: (u: unknown) => u is A): Kind<A> => ({
  what,
  read: (u) => is(u) ? u : undefined
})

export const choice = <const Values extends ReadonlyArray<string | false>>(...values: Values): Kind<Values[number]> =>
  kind(
    values.map((value) => JSON.stringify(value)).join(" or "),
    (u): u is Values[number] => values.some((value) => value === u)
  )

const orFalse = <A, B extends number | false>({ read, what }: Kind<A>, none: B): Kind<A | B> => ({
  what: `false or ${what}`,
  read: (u) => u === false || u === none ? none : read(u)
})

export const integer = kind("a positive integer", isCount)

/** Durations, in whole ms: Redis takes no others, and `Infinity` neither JSON nor a socket. */
export const duration: Kind<number> = {
  what: "a positive duration",
  read: (u) => {
    const ms = Option.getOrElse(Option.map(Duration.fromInput(u as Duration.Input), Duration.toMillis), () => 0)
    return ms > 0 ? Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER) : undefined
  }
}

/** A number of things; `Infinity` for no limit. */
export const count: Kind<number> = orFalse(integer, Infinity)

/** A time in ms, or `false` for none, where `time` is how a door is told one. */
export const timeout = (time: Kind<number>): Kind<number | false> => orFalse(time, false)

export const path = kind(
  "a path that begins with /",
  (u): u is `/${string}` => typeof u === "string" && u.startsWith("/")
)

/** A path as requests have it. */
export const requestPath = kind(
  `${path.what}, as in a URL: encoded, and without a query`,
  (u): u is `/${string}` => path.read(u) !== undefined && new URL(`ws://host${String(u)}`).pathname === u
)

export const flag = kind("a boolean", (u) => typeof u === "boolean")

export const hook = kind(
  "a function",
  (u): u is (...args: ReadonlyArray<never>) => unknown => typeof u === "function"
)

export const text = kind("a non-empty string", isText)

export const object = kind("an object", (u): u is object => typeof u === "object" && u !== null)

const oneOrMore = (what: string, is: (u: unknown) => u is string): Kind<ReadonlyArray<string>> => ({
  what,
  read: (u) => is(u) ? [u] : Array.isArray(u) && u.length > 0 && u.every(is) ? u : undefined
})

export const texts = oneOrMore("a non-empty string or a list of non-empty strings", isText)

/** Origins as browsers write them: without a path, and without the slash that would begin it. */
export const origins = oneOrMore(
  "an origin such as https://example.com, without a path, or a list of them",
  (u): u is string => isText(u) && /^(?:[a-z][a-z\d+.-]*:\/\/[^/?#\s]*|null)$/.test(u)
)

/** The property of the credentials that is an index: `true` stands for `user`. */
export const index: Kind<string | false> = {
  what: "a boolean or a non-empty string",
  read: (u) => u === true ? "user" : u === false || isText(u) ? u : undefined
}

const isAbsent = (u: unknown): boolean => u === undefined || u === null

// Settings are read, never written.
const oneWay = <A, E>(decode: (given: E | null | undefined) => A) => ({
  decode: SchemaGetter.transformOptional((given: Option.Option<E | null | undefined>) =>
    Option.some(decode(Option.getOrUndefined(given)))
  ),
  encode: SchemaGetter.forbidden<E | null | undefined, A>(() => "Settings are not written")
})

/** A setting of a kind; `null` counts as absent, which stands for `otherwise`. */
export const setting = <A>({ read, what }: Kind<A>, otherwise: NoInfer<A>) =>
  Schema.optionalKey(
    Schema.declare((u: unknown): u is unknown => isAbsent(u) || read(u) !== undefined, { message: `expected ${what}` })
  ).pipe(
    Schema.decodeTo(
      Schema.declare((_): _ is A => true),
      oneWay<A, unknown>((given) => isAbsent(given) ? otherwise : read(given) ?? otherwise)
    )
  )

export const optional = <A>(kind: Kind<A>) => setting<A | undefined>(kind, undefined)

/** An object of settings. What is no object at all is told so; what is one, which of its fields is wrong. */
export const struct = <const Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.Struct(fields).annotate({
    message: "expected an object",
    messageUnexpectedKey: `is unexpected, known are ${Object.keys(fields).join(", ")}`
  })

/** `schema` for what `read` makes of what is given, `undefined` included. */
export const nested = <S extends Schema.Constraint>(schema: S, read: (given: unknown) => unknown) =>
  Schema.optionalKey(Schema.Unknown).pipe(
    Schema.decodeTo(schema, oneWay<S["Encoded"], unknown>((given) => read(given) as S["Encoded"]))
  )

export const required = <A>({ read, what }: Kind<A>) =>
  nested(Schema.declare((u): u is A => read(u) !== undefined, { message: `expected ${what}` }), identity)

export const orDefaults = (given: unknown): unknown => given ?? {}

export const falseOr = <S extends Schema.Constraint>(schema: S, what = "false or an object") =>
  Schema.Union([Schema.Literal(false), schema]).annotate({ message: `expected ${what}` })

/** An object, `true` for one of defaults, or `false`, as where nothing is said, for none. */
export const switched = <S extends Schema.Constraint>(schema: S) =>
  nested(
    falseOr(schema, "a boolean or an object"),
    (given) => given === true ? {} : given === undefined ? false : given
  )

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** Reads settings, or throws what `fail` makes of a text: what is wrong may be a password, and is not told. */
export const decoder = <A, E>(schema: Schema.Codec<A, E>, fail: (message: string) => Error = toUserError) => {
  const decode = Schema.decodeUnknownExit(schema, { onExcessProperty: "error" })
  return (input: unknown, failure = "Invalid nes configuration"): A => {
    const decoded = decode(input)
    if (Exit.isSuccess(decoded)) {
      return decoded.value
    }
    const fault = Cause.squash(decoded.cause)
    if (!Schema.isSchemaError(fault)) {
      // What a getter of the options throws says best itself.
      throw fault
    }
    const [issue] = issuesOf(fault.issue).issues
    throw fail([failure, issue?.path?.map(String).join("."), issue?.message].filter(Boolean).join(": "))
  }
}

const toUserError = (message: string): UserError => new UserError({ message })
