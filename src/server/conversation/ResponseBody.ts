/** What of a response's body can be sent in a message: text, and nothing else. */
import { isUtf8 } from "node:buffer"

/** The longest body that is put together from a stream where nothing is said (bytes). */
export const defaultMaxStreamBytes = 10 * 1024 * 1024

/** Whether a stream of this content type is one that does not end. */
export const isEndless = (contentType: unknown): boolean =>
  typeof contentType === "string" && /^(?:text\/event-stream|multipart\/x-mixed-replace)\b/i.test(contentType)

/** Why a stream that does not end cannot be sent. */
export const endless = "The response is a stream of events and cannot be sent over a socket"

/** Why a stream cannot be sent that is longer than it may be. */
export const tooLong = (maxBytes: number): string =>
  `The response is longer than ${maxBytes} bytes and cannot be sent over a socket`

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
