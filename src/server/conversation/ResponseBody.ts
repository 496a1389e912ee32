/** What of a response's body can be sent in a message: text, and nothing else. */
import { isUtf8 } from "node:buffer"

/** Why these bytes cannot be sent as text without being changed; `undefined` if they can. */
export const refuse = (bytes: Uint8Array, contentEncoding: unknown): string | undefined => {
  if (bytes.byteLength === 0) {
    return undefined
  }
  if (contentEncoding !== undefined && contentEncoding !== "identity") {
    return `The response is encoded (${String(contentEncoding)}) and cannot be sent over a socket`
  }
  return isUtf8(bytes) ? undefined : "The response is binary and cannot be sent over a socket"
}
