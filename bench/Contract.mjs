/** The contract that the contract scenarios keep: the update that every scenario sends. */
import { Contract } from "effect-nes"
import * as Schema from "effect/Schema"

export const Update = Contract.subscription("/updates", {
  message: Schema.Struct({ seq: Schema.Number, body: Schema.String })
})
