/** What can be asked of a server over HTTP, and what it answers. */
import * as Boom from "@hapi/boom"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { UserError } from "../../protocol/NesError.js"
import { BrokerError, type Tally } from "../Broker.js"
import type { Target } from "../Command.js"
import { errorAnswer, refused } from "../conversation/ErrorAnswer.js"
import * as Weight from "../conversation/Weight.js"
import type { Node } from "../Node.js"
import type { Present } from "../presence/Present.js"
import type { Past } from "../recovery/PathHistory.js"
import type { Once } from "./Once.js"

const user = Schema.optional(Schema.Json)

/** How bodies are decoded: with a slip in `user`, a message for one would go to all. */
export const strict = { onExcessProperty: "error" } as const

export const Publish = Schema.Struct({
  path: Schema.String,
  message: Schema.Json,
  user,
  version: Schema.optional(Schema.Int)
})

export const Broadcast = Schema.Struct({ message: Schema.Json, user })

/** Whose subscription ends: that of a socket, or of all sockets of a user; with a last update unless it is `null`. */
export const Revoke = Schema.Struct({
  path: Schema.String,
  message: Schema.optional(Schema.Json),
  socket: Schema.optional(Schema.String),
  user
})

export const Disconnect = Schema.Struct({ socket: Schema.optional(Schema.String), user })

export const OfPath = Schema.Struct({ path: Schema.String })

export const MaybeOfPath = Schema.Struct({ path: Schema.optional(Schema.String) })

export const OfHistory = Schema.Struct({
  path: Schema.String,
  limit: Schema.optional(Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0)))
})

export const untyped = (): Boom.Boom => errorAnswer("bodyNoJson")

const maxKeyLength = 255

const targetOf = ({ socket, user }: { readonly socket?: string | undefined; readonly user?: unknown }): Target => {
  if ((socket === undefined) === (user === undefined)) {
    throw errorAnswer("targetUnclear")
  }
  return socket === undefined ? { user } : { socket }
}

/** What goes wrong within the application's own rights is its fault, or that of the nodes; anything else is a defect. */
export const refusalOf = (error: unknown): Boom.Boom | undefined =>
  Boom.isBoom(error)
    ? error
    : error instanceof BrokerError
    ? refused(503, error.message)
    : error instanceof UserError || Schema.isSchemaError(error) ||
        (error instanceof Error && error.constructor === Error)
    ? refused(400, error.message.replace(/\s*\n\s*/g, " "))
    : undefined

/** The operations of a node. `key` is an idempotency key: what is asked with it once is done once. */
export const make = (node: Node, once: Once = node.once) => {
  // What is nested too deeply for a message could be parsed, and cannot be made into text again.
  const checkDepth = (input: object): void => {
    let weight = Infinity
    try {
      weight = Weight.of(JSON.stringify(input), node.maxDepth)
    } catch {
      // It is too deep even for that.
    }
    if (weight === Infinity) {
      throw errorAnswer("tooDeep")
    }
  }
  const guarded = async (
    key: string | undefined,
    what: string,
    input: object,
    work: () => Promise<void>
  ): Promise<void> => {
    checkDepth(input)
    if (key === undefined) {
      return work()
    }
    if (key === "" || key.length > maxKeyLength) {
      throw errorAnswer("keyInvalid", maxKeyLength)
    }
    const digest = createHash("sha256").update(JSON.stringify([what, input])).digest("base64url")
    const standing = await once.begin(key, digest)
    if (standing === "busy" || standing === "other") {
      throw errorAnswer(standing === "busy" ? "keyBusy" : "keyUsed")
    }
    if (standing === "new") {
      let isDone = false
      try {
        await work()
        isDone = true
      } finally {
        await once.end(key, digest, isDone)
      }
    }
  }
  return {
    publish: (input: typeof Publish.Type, key: string | undefined): Promise<void> =>
      guarded(key, "publish", input, async () => {
        const { message, path, user, version } = input
        node.requireDeclared(path)
        return node.publish(path, message, { user, version })
      }),
    broadcast: (input: typeof Broadcast.Type, key: string | undefined): Promise<void> =>
      guarded(key, "broadcast", input, async () => node.broadcast(input.message, { user: input.user })),
    revoke: async (input: typeof Revoke.Type): Promise<void> => {
      checkDepth(input)
      return node.revoke(targetOf(input), input.path, input.message ?? null)
    },
    disconnect: async (input: typeof Disconnect.Type): Promise<void> => {
      checkDepth(input)
      return node.disconnect(targetOf(input))
    },
    count: async ({ path }: typeof MaybeOfPath.Type): Promise<Tally> => node.count(path),
    presence: async ({ path }: typeof OfPath.Type): Promise<Present> => node.presence(path).read(),
    history: async ({ limit, path }: typeof OfHistory.Type): Promise<Past> => node.history(path).read({ limit }),
    clearHistory: async ({ path }: typeof OfPath.Type): Promise<void> => node.history(path).clear()
  }
}
