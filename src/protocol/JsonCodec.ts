/**
 * Schemas as they travel: what crosses the wire is JSON, whatever a Schema's own encoded side is.
 *
 * @since 1.0.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

interface JsonCodec {
  readonly decode: (value: unknown) => Effect.Effect<unknown, Schema.SchemaError, never>
  readonly encode: (value: unknown) => Effect.Effect<unknown, Schema.SchemaError, never>
}

// Deriving one costs more than using it.
const codecs = new WeakMap<Schema.Constraint, JsonCodec>()

const codecOf = (schema: Schema.Constraint): JsonCodec => {
  const known = codecs.get(schema)
  if (known !== undefined) {
    return known
  }
  const json = Schema.toCodecJson(schema)
  const made = { decode: Schema.decodeUnknownEffect(json), encode: Schema.encodeUnknownEffect(json) } as JsonCodec
  codecs.set(schema, made)
  return made
}

/**
 * Decodes JSON values by a Schema. A Schema that needs no services and takes no time answers with an `Exit`.
 *
 * @since 1.0.0
 * @category codecs
 */
export const decode = <S extends Schema.Constraint>(
  schema: S
): (value: unknown) => Effect.Effect<S["Type"], Schema.SchemaError, S["DecodingServices"]> =>
  codecOf(schema).decode as never

/**
 * Encodes values to JSON values by a Schema, and answers as `decode` does.
 *
 * @since 1.0.0
 * @category codecs
 */
export const encode = <S extends Schema.Constraint>(
  schema: S
): (value: S["Type"]) => Effect.Effect<unknown, Schema.SchemaError, S["EncodingServices"]> =>
  codecOf(schema).encode as never
