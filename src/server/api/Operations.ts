/** What can be asked of a server over HTTP, and what it answers. */
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { answers } from "../../protocol/Answers.js"
import { UserError } from "../../protocol/NesError.js"
import { BrokerError, type Tally } from "../Broker.js"
import type { Target } from "../Command.js"
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

/** Why something could not be done, as both doors answer it: with this status, and a body as hapi's. */
export class Refused extends Error {
  constructor(readonly status: 400 | 409 | 415 | 422 | 503, message: string) {
    super(message)
  }
}

const reasons = {
  400: "Bad Request",
  409: "Conflict",
  415: "Unsupported Media Type",
  422: "Unprocessable Entity",
  503: "Service Unavailable"
} as const

/** The body of the answer, as hapi has it. */
export const bodyOf = <Status extends Refused["status"]>(statusCode: Status, message: string) => ({
  statusCode,
  error: reasons[statusCode],
  message
})

const maxKeyLength = 255

const targetOf = ({ socket, user }: { readonly socket?: string | undefined; readonly user?: unknown }): Target => {
  if ((socket === undefined) === (user === undefined)) {
    throw new Refused(400, "Either `socket` or `user` is to be given")
  }
  return socket === undefined ? { user } : { socket }
}

/** Refuses what comes without a type: a page on another site could send it without being asked. */
export const requireType = (type: string | undefined): void => {
  if (type === undefined) {
    throw new Refused(415, reasons[415])
  }
}

const digestOf = (...parts: ReadonlyArray<unknown>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url")

/** What goes wrong within the application's own rights is its fault, or that of the nodes; anything else is a defect. */
export const refusalOf = (error: unknown): Refused | undefined =>
  error instanceof Refused
    ? error
    : error instanceof BrokerError
    ? new Refused(503, error.message)
    : error instanceof UserError || (error instanceof Error && error.constructor === Error)
    ? new Refused(400, error.message)
    : undefined

/** The operations of a node. `key` is an idempotency key: what is asked with it once is done once. */
export interface Operations {
  readonly publish: (input: typeof Publish.Type, key: string | undefined) => Promise<void>
  readonly broadcast: (input: typeof Broadcast.Type, key: string | undefined) => Promise<void>
  readonly revoke: (input: typeof Revoke.Type) => Promise<void>
  readonly disconnect: (input: typeof Disconnect.Type) => Promise<void>
  readonly count: (input: typeof MaybeOfPath.Type) => Promise<Tally>
  readonly presence: (input: typeof OfPath.Type) => Promise<Present>
  readonly history: (input: typeof OfHistory.Type) => Promise<Past>
  readonly clearHistory: (input: typeof OfPath.Type) => Promise<void>
}

/** The operations of a node. */
export const make = (node: Node, once: Once): Operations => {
  // What is nested too deeply for a message could be parsed, and cannot be made into text again.
  const checkDepth = (input: object): void => {
    let weight = Infinity
    try {
      weight = Weight.of(JSON.stringify(input), node.maxDepth)
    } catch {
      // It is too deep even for that.
    }
    if (weight === Infinity) {
      throw new Refused(400, answers.tooDeep[1])
    }
  }
  const guarded = async (key: string | undefined, digest: () => string, work: () => Promise<void>): Promise<void> => {
    if (key === undefined) {
      return work()
    }
    if (key === "" || key.length > maxKeyLength) {
      throw new Refused(400, `An idempotency key has 1 to ${maxKeyLength} characters`)
    }
    const what = digest()
    const standing = await once.begin(key, what)
    if (standing === "busy") {
      throw new Refused(409, "The request with this idempotency key is under way")
    }
    if (standing === "other") {
      throw new Refused(422, "This idempotency key was used for another request")
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
    publish: async (input, key) => {
      checkDepth(input)
      const { message, path, user, version } = input
      return guarded(key, () => digestOf("publish", input), async () => {
        node.requireDeclared(path)
        return node.publish(path, message, { user, version })
      })
    },
    broadcast: async (input, key) => {
      checkDepth(input)
      const { message, user } = input
      return guarded(key, () => digestOf("broadcast", input), async () => node.broadcast(message, { user }))
    },
    revoke: async (input) => {
      checkDepth(input)
      return node.revoke(targetOf(input), input.path, input.message ?? null)
    },
    disconnect: async (input) => {
      checkDepth(input)
      return node.disconnect(targetOf(input))
    },
    count: ({ path }) => node.count(path),
    presence: async ({ path }) => node.presence(path).read(),
    history: async ({ limit, path }) => node.history(path).read({ limit }),
    clearHistory: async ({ path }) => node.history(path).clear()
  }
}
