/** What can be asked of a server over HTTP, and what it answers. */
import * as Boom from "@hapi/boom"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { answers } from "../../protocol/ErrorTexts.js"
import { UserError } from "../../protocol/NesError.js"
import { BrokerError, type Tally } from "../Broker.js"
import type { Target } from "../Command.js"
import { errorAnswer } from "../conversation/ErrorAnswer.js"
import * as Weight from "../conversation/Weight.js"
import type { Node } from "../Node.js"
import type { Present } from "../presence/Present.js"
import type { Past } from "../recovery/PathHistory.js"
import type { Once } from "./Once.js"

const user = Schema.optional(Schema.Json)

/** What is published. */
export const Publish = Schema.Struct({
  path: Schema.String,
  message: Schema.Json,
  user,
  version: Schema.optional(Schema.Int)
})

/** What is broadcast. */
export const Broadcast = Schema.Struct({ message: Schema.Json, user })

/** Whose subscription ends: that of a socket, or of all sockets of a user; with a last update unless it is `null`. */
export const Revoke = Schema.Struct({
  path: Schema.String,
  message: Schema.optional(Schema.Json),
  socket: Schema.optional(Schema.String),
  user
})

/** Whose connection ends: a socket, or all sockets of a user. */
export const Disconnect = Schema.Struct({ socket: Schema.optional(Schema.String), user })

/** Which path is meant. */
export const OfPath = Schema.Struct({ path: Schema.String })

/** Whose number is wanted: all connections, or the subscribers of a path. */
export const MaybeOfPath = Schema.Struct({ path: Schema.optional(Schema.String) })

/** Which path is meant, and how many of its updates. */
export const OfHistory = Schema.Struct({
  path: Schema.String,
  limit: Schema.optional(Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0)))
})

const refused = (status: number, reason: string): Boom.Boom => errorAnswer([status, "{reason}"], reason)

const maxKeyLength = 255

const targetOf = ({ socket, user }: { readonly socket?: string | undefined; readonly user?: unknown }): Target => {
  if ((socket === undefined) === (user === undefined)) {
    throw refused(400, "Either `socket` or `user` is to be given")
  }
  return socket === undefined ? { user } : { socket }
}

const digestOf = (...parts: ReadonlyArray<unknown>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url")

/** What goes wrong within the application's own rights is its fault, or that of the nodes; anything else is a defect. */
export const refusalOf = (error: unknown): Boom.Boom | undefined =>
  Boom.isBoom(error)
    ? error
    : error instanceof BrokerError
    ? refused(503, error.message)
    : error instanceof UserError || Schema.isSchemaError(error) ||
        (error instanceof Error && error.constructor === Error)
    ? refused(400, error.message)
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
      throw errorAnswer(answers.tooDeep)
    }
  }
  const guarded = async (key: string | undefined, digest: () => string, work: () => Promise<void>): Promise<void> => {
    if (key === undefined) {
      return work()
    }
    if (key === "" || key.length > maxKeyLength) {
      throw refused(400, `An idempotency key has 1 to ${maxKeyLength} characters`)
    }
    const what = digest()
    const standing = await once.begin(key, what)
    if (standing === "busy") {
      throw refused(409, "The request with this idempotency key is under way")
    }
    if (standing === "other") {
      throw refused(422, "This idempotency key was used for another request")
    }
    if (standing === "new") {
      let isDone = false
      try {
        await work()
        isDone = true
      } finally {
        await once.end(key, what, isDone)
      }
    }
  }
  return {
    publish: async (input: typeof Publish.Type, key: string | undefined): Promise<void> => {
      checkDepth(input)
      const { message, path, user, version } = input
      return guarded(key, () => digestOf("publish", input), async () => {
        node.requireDeclared(path)
        return node.publish(path, message, { user, version })
      })
    },
    broadcast: async (input: typeof Broadcast.Type, key: string | undefined): Promise<void> => {
      checkDepth(input)
      const { message, user } = input
      return guarded(key, () => digestOf("broadcast", input), async () => node.broadcast(message, { user }))
    },
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
