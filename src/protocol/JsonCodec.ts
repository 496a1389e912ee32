/** Schemas as they travel: what crosses the wire is JSON, whatever a Schema's own encoded side is. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

interface JsonCodec<S extends Schema.Constraint> {
  readonly decode: (value: unknown) => Effect.Effect<S["Type"], Schema.SchemaError, S["DecodingServices"]>
  readonly encode: (value: S["Type"]) => Effect.Effect<unknown, Schema.SchemaError, S["EncodingServices"]>
}

// Deriving one costs more than using it.
const codecs = new WeakMap<Schema.Constraint, JsonCodec<Schema.Constraint>>()

const codecOf = <S extends Schema.Constraint>(schema: S): JsonCodec<S> => {
  const known = codecs.get(schema) as JsonCodec<S> | undefined
  if (known !== undefined) {
    return known
  }
  const json = Schema.toCodecJson(schema)
  const made = { decode: Schema.decodeUnknownEffect(json), encode: Schema.encodeUnknownEffect(json) }
  codecs.set(schema, made)
  return made
}

/** Decodes JSON values by a Schema. A Schema that needs no services and takes no time answers with an `Exit`. */
export const decode = <S extends Schema.Constraint>(schema: S): JsonCodec<S>["decode"] => codecOf(schema).decode

/** Encodes values to JSON values by a Schema, and answers as `decode` does. */
export const encode = <S extends Schema.Constraint>(schema: S): JsonCodec<S>["encode"] => codecOf(schema).encode
