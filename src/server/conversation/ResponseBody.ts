/** What of a response's body can be sent in a message: text, and nothing else. */
import { isUtf8 } from "node:buffer"
import { answers, textOf } from "../../protocol/ErrorTexts.js"
import type { Response } from "../Application.js"

/** The longest body that is put together from a stream where nothing is said (bytes). */
export const defaultMaxStreamBytes = 10 * 1024 * 1024

export const isEndless = (contentType: unknown): boolean =>
  typeof contentType === "string" && /^(?:text\/event-stream|multipart\/x-mixed-replace)\b/i.test(contentType)

export const endless = textOf(answers.bodyEndless)

export const tooLong = (maxBytes: number): string => textOf(answers.bodyTooLong, maxBytes)

/** Whether a text is JSON, which goes into the answer as it is. */
export const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Why these bytes cannot be sent as text without being changed; `undefined` if they can. */
export const refuse = (bytes: Uint8Array, contentEncoding: unknown): string | undefined => {
  if (bytes.byteLength === 0) {
    return undefined
  }
  if (contentEncoding !== undefined && contentEncoding !== "identity") {
    return textOf(answers.bodyEncoded, String(contentEncoding))
  }
  return isUtf8(bytes) ? undefined : textOf(answers.bodyBinary)
}

/** The answer of a route whose body cannot be sent, for this reason. */
export const unsent = (message: string): Response => ({
  statusCode: 500,
  headers: {},
  payload: { statusCode: 500, error: "Internal Server Error", message }
})
