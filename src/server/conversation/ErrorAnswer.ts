/** An answer of the table as what hooks, too, fail with: a Boom. */
import * as Boom from "@hapi/boom"
import { type Row, textOf } from "../../protocol/ErrorTexts.js"

/** The error of this answer; `named` is what its text names. */
export const errorAnswer = (answer: Row, ...named: ReadonlyArray<string | number>): Boom.Boom =>
  new Boom.Boom(textOf(answer, ...named), { statusCode: answer[0] })
