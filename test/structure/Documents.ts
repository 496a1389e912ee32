/** The programs in the documents. */
import { read } from "./Repository.js"

/** The fenced blocks of a document that are marked so. */
export const programs = (file: string, info: string): ReadonlyArray<string> =>
  [...read(file).matchAll(/^```(\S[^\n]*)\n([\s\S]*?)^```$/gm)].flatMap(([, mark, code]) =>
    mark === info ? [code ?? ""] : []
  )
