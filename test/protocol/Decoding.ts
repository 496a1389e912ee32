/** Decodes a client's message whole, as the server does in two steps. */
import * as Result from "effect/Result"
import * as Codec from "../../src/protocol/Codec.js"
import type * as Message from "../../src/protocol/Message.js"

export const decodeClientMessage = (text: string): Result.Result<Message.ClientMessage, Codec.Refusal> => {
  const envelope = Codec.decodeEnvelope(text)
  return "error" in envelope
    ? Result.fail(envelope)
    : Result.mapError(
      Codec.decodeFields(envelope),
      (error) => ({ error, type: envelope.type, id: envelope.id })
    )
}
