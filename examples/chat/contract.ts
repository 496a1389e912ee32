/** What the nodes and the page of the chat agree on. */
import { Schema } from "effect"
import { Contract } from "effect-nes"

/** What has been said in a room, and by which node it went. */
export const Said = Contract.subscription("/chat/{room}", {
  message: Schema.Struct({ from: Schema.String, text: Schema.String, at: Schema.Number, node: Schema.Number })
})

export type Said = typeof Said.message.Type

const User = Schema.Struct({ id: Schema.String })

/** Who is in a room: the whole list, then how it changes. */
export const Present = Contract.subscription("/chat/{room}/presence", {
  message: Schema.Union([
    Schema.Struct({ users: Schema.Array(User) }),
    Schema.Struct({ join: User }),
    Schema.Struct({ leave: User }),
    Schema.Struct({ change: User })
  ])
})

export type Present = typeof Present.message.Type
