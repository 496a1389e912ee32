/** An answer of the table as what hooks, too, fail with: a Boom. */
import * as Boom from "@hapi/boom"
import { answers, textOf } from "../../protocol/ErrorTexts.js"

/** The error of the answer with this name; `named` is what its text names. */
export const errorAnswer = (name: keyof typeof answers, ...named: ReadonlyArray<string | number>): Boom.Boom =>
  refused(answers[name][0], textOf(answers[name], ...named))

export const refused = (statusCode: number, message: string): Boom.Boom => new Boom.Boom(message, { statusCode })
