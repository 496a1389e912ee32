/** What server and clients of the market agree on. */
import { Schema } from "effect"
import { Contract } from "effect-nes"

/** What is traded. */
export const symbols = ["ALFA", "BRVO", "CHRL", "DLTA"] as const

export const isTraded = (symbol: string): boolean => symbols.some((each) => each === symbol)

/** A price, and how many there have been of the symbol before it. */
export const Prices = Contract.subscription("/price/{symbol}", {
  message: Schema.Struct({ symbol: Schema.String, price: Schema.Number, number: Schema.Number, at: Schema.Date })
})
