/** Schemas as they travel: what crosses the wire is JSON, whatever a Schema's own encoded side is. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** A Schema that needs no services and takes no time answers with an `Exit`. */
interface JsonCodec<S extends Schema.Constraint> {
  readonly decode: (value: unknown) => Effect.Effect<S["Type"], Schema.SchemaError, S["DecodingServices"]>
  readonly encode: (value: S["Type"]) => Effect.Effect<unknown, Schema.SchemaError, S["EncodingServices"]>
  /**
   * Whether a value has the tags of a Schema: the fields that are one literal, of a member if it is a union. A Schema
   * without them takes all values for its own.
   */
  readonly isTagged: (value: unknown) => boolean
}

// Deriving one costs more than using it.
const codecs = new WeakMap<Schema.Constraint, JsonCodec<Schema.Constraint>>()

/** How values of a Schema travel. */
export const of = <S extends Schema.Constraint>(schema: S): JsonCodec<S> => {
  const known = codecs.get(schema) as JsonCodec<S> | undefined
  if (known !== undefined) {
    return known
  }
  const json = Schema.toCodecJson(schema)
  const made = {
    decode: Schema.decodeUnknownEffect(json),
    encode: Schema.encodeUnknownEffect(json),
    isTagged: tagged(SchemaAST.toEncoded(json.ast))
  }
  codecs.set(schema, made)
  return made
}

const tagged = (ast: SchemaAST.AST): (value: unknown) => boolean => {
  if (SchemaAST.isUnion(ast)) {
    const members = ast.types.map(tagged)
    return (value) => members.some((isTagged) => isTagged(value))
  }
  if (!SchemaAST.isObjects(ast)) {
    return () => true
  }
  const tags = ast.propertySignatures.flatMap(({ name, type }) =>
    SchemaAST.isLiteral(type) && !SchemaAST.isOptional(type) ? [[name, type.literal] as const] : []
  )
  return (value) => tags.every(([name, literal]) => (value as Record<PropertyKey, unknown> | null)?.[name] === literal)
}
