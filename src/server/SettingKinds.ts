/** What a setting may be, and what is made of it: the kinds of values, and Schemas of them. */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

/** A kind of value: `read` makes of what is given what the server takes, or `undefined` if it is none of the kind. */
export interface Kind<A> {
  readonly complaint: string
  readonly read: (u: unknown) => A | undefined
}

/** How a door is told its settings: in which units, and what it says of a wrong one. */
export interface Door {
  /** The beginning of a complaint, such as `expected`. */
  readonly wants: string
  /** A number of things; `Infinity` for no limit. */
  readonly count: Kind<number>
  /** A time in ms. */
  readonly time: Kind<number>
  /** A time in ms, or `false` for none. */
  readonly timeout: Kind<number | false>
  readonly path: Kind<string>
}

export const isText = (u: unknown): u is string => typeof u === "string" && u !== ""

export const isCount = (u: unknown): u is number => Number.isSafeInteger(u) && Number(u) > 0

export const kind = <A>(complaint: string, is: (u: unknown) => u is A): Kind<A> => ({
  complaint,
  read: (u) => is(u) ? u : undefined
})

export const choice = <const Values extends ReadonlyArray<string | false>>(
  { wants }: Door,
  ...values: Values
): Kind<Values[number]> =>
  kind(
    `${wants} ${values.map((value) => JSON.stringify(value)).join(" or ")}`,
    (u): u is Values[number] => values.some((value) => value === u)
  )

export const flag = ({ wants }: Door): Kind<boolean> => kind(`${wants} a boolean`, (u) => typeof u === "boolean")

export const hook = ({ wants }: Door) =>
  kind(`${wants} a function`, (u): u is (...args: ReadonlyArray<never>) => unknown => typeof u === "function")

export const text = ({ wants }: Door): Kind<string> => kind(`${wants} a non-empty string`, isText)

export const texts = ({ wants }: Door): Kind<ReadonlyArray<string>> => ({
  complaint: `${wants} a non-empty string or a list of non-empty strings`,
  read: (u) => isText(u) ? [u] : Array.isArray(u) && u.length > 0 && u.every(isText) ? u : undefined
})

// As browsers write one: without a path, and without the slash that would begin it.
const isOrigin = (u: unknown): u is string => isText(u) && /^(?:[a-z][a-z\d+.-]*:\/\/[^/?#\s]*|null)$/.test(u)

/** One origin, or a list of them. */
export const origins = ({ wants }: Door): Kind<ReadonlyArray<string>> => ({
  complaint: `${wants} an origin such as https://example.com, without a path, or a list of them`,
  read: (u) => isOrigin(u) ? [u] : Array.isArray(u) && u.length > 0 && u.every(isOrigin) ? u : undefined
})

/** The property of the credentials that is an index: `true` stands for `user`. */
export const index = ({ wants }: Door): Kind<string | false> => ({
  complaint: `${wants} a boolean or a non-empty string`,
  read: (u) => u === true ? "user" : u === false || isText(u) ? u : undefined
})

const isAbsent = (u: unknown): boolean => u === undefined || u === null

// Settings are read, never written.
const oneWay = <A, E>(decode: (given: E | null | undefined) => A) => ({
  decode: SchemaGetter.transformOptional((given: Option.Option<E | null | undefined>) =>
    Option.some(decode(Option.getOrUndefined(given)))
  ),
  encode: SchemaGetter.forbidden<E | null | undefined, A>(() => "Settings are not written")
})

/** A setting of a kind; `null` counts as absent, which stands for `otherwise`. */
export const setting = <A>({ complaint, read }: Kind<A>, otherwise: NoInfer<A>) =>
  Schema.optionalKey(
    Schema.declare((u: unknown): u is unknown => isAbsent(u) || read(u) !== undefined, { message: complaint })
  ).pipe(
    Schema.decodeTo(
      Schema.declare((_): _ is A => true),
      oneWay<A, unknown>((given) => isAbsent(given) ? otherwise : read(given) ?? otherwise)
    )
  )

export const optional = <A>(kind: Kind<A>) => setting<A | undefined>(kind, undefined)

/** An object of settings. What is no object at all is told so; what is one, which of its fields is wrong. */
export const struct = <const Fields extends Schema.Struct.Fields>({ wants }: Door, fields: Fields) =>
  Schema.Struct(fields).annotate({
    message: `${wants} an object`,
    messageUnexpectedKey: `is unexpected, known are ${Object.keys(fields).join(", ")}`
  })

/** `schema` for what `read` makes of what is given, `undefined` included. */
export const nested = <S extends Schema.Constraint>(schema: S, read: (given: unknown) => unknown) =>
  Schema.optionalKey(Schema.Unknown).pipe(
    Schema.decodeTo(schema, oneWay<S["Encoded"], unknown>((given) => read(given) as S["Encoded"]))
  )

/** What is absent stands for an object of defaults. */
export const orDefaults = (given: unknown): unknown => given ?? {}

/** An object, `true` for one of defaults, or `false`, as where nothing is said, for none. */
export const switched = <S extends Schema.Constraint>(door: Door, schema: S) =>
  nested(
    falseOr(door, schema, "a boolean or an object"),
    (given) => given === true ? {} : given === undefined ? false : given
  )

export const falseOr = <S extends Schema.Constraint>({ wants }: Door, schema: S, what = "false or an object") =>
  Schema.Union([Schema.Literal(false), schema]).annotate({ message: `${wants} ${what}` })

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** Reads settings, or throws an `error` of place and complaint: what is wrong may be a password, and is not told. */
export const decoder = <A, E>(schema: Schema.Codec<A, E>) => {
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })
  return (input: unknown, error: (place: string, complaint: string) => Error): A => {
    const decoded = decode(input)
    if (Result.isSuccess(decoded)) {
      return decoded.success
    }
    const [issue] = issuesOf(decoded.failure.issue).issues
    throw error(issue?.path?.map(String).join(".") ?? "", issue?.message ?? "")
  }
}
