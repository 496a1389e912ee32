/**
 * What nodes say to each other: a line of JSON, and the text of the message as it is, which whoever does not look into it
 * need not parse. An update that is kept has its place on a line before.
 *
 * @since 0.1.0
 */
import type * as Message from "../protocol/Message.js"
import type { Broadcast, Command, Disconnect, Publish, Published, Revoke, Target } from "../server/Command.js"

/**
 * Asks every node that hears it how many connections, or subscribers of a path, it has.
 *
 * @since 0.1.0
 * @category models
 */
export interface Question {
  readonly type: "count"
  readonly id: number
  readonly path?: string | undefined
}

/**
 * The answer to a question.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  readonly type: "counted"
  readonly id: number
  readonly count: number
}

interface Head {
  readonly from: string
  readonly type: Command["type"] | Question["type"] | Reply["type"]
  readonly path?: string
  readonly internal?: unknown
  readonly user?: unknown
  readonly target?: Target
  readonly id?: number
  readonly count?: number
}

/**
 * What a node hears, and from whom.
 *
 * @since 0.1.0
 * @category models
 */
export interface Heard {
  readonly from: string
  readonly said: Command | Question | Reply
}

const assemble = (head: Head, text = ""): string => `${JSON.stringify(head)}\n${text}`

/**
 * Puts a command into words. Throws if what it carries is no JSON. `text` is the message's, where it is known.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (from: string, command: Command, text?: string): string => {
  switch (command.type) {
    case "publish": {
      const { internal, message, path, type, user } = command
      return assemble({ from, type, path, internal, user }, text ?? JSON.stringify(message))
    }
    case "broadcast":
      return assemble({ from, type: command.type, user: command.user }, JSON.stringify(command.message))
    case "revoke": {
      const { message, path, target, type } = command
      return assemble({ from, type, path, target }, JSON.stringify(message))
    }
    case "disconnect":
      return assemble({ from, type: command.type, target: command.target })
  }
}

/**
 * Puts a question into words.
 *
 * @since 0.1.0
 * @category encoding
 */
export const question = (from: string, { id, path, type }: Question): string =>
  assemble(path === undefined ? { from, type, id } : { from, type, id, path })

/**
 * Puts an answer into words.
 *
 * @since 0.1.0
 * @category encoding
 */
export const reply = (from: string, answer: Reply): string => assemble({ from, ...answer })

const parse = (text: string): unknown => text === "" ? undefined : JSON.parse(text)

// Most updates go out as the text they came in; only a filter looks into them.
class Update implements Publish {
  readonly type = "publish"
  readonly path: string
  readonly internal: unknown
  readonly user: unknown
  readonly text: string | undefined
  private parsed: { readonly message: unknown } | undefined

  constructor(head: Head, text: string, readonly position: Message.Position | undefined) {
    this.path = head.path ?? ""
    this.internal = head.internal
    this.user = head.user
    this.text = text === "" ? undefined : text
  }

  get message(): unknown {
    return (this.parsed ??= { message: parse(this.text ?? "") }).message
  }
}

const split = (text: string): readonly [line: string, rest: string] => {
  const end = text.indexOf("\n")
  return [text.slice(0, end), text.slice(end + 1)]
}

// `epoch:offset:time`
const positionOf = (line: string): Message.Position => {
  const [epoch = "", digits] = line.split(":")
  const offset = Number(digits)
  if (!Number.isSafeInteger(offset)) {
    throw new Error(`Not a position: ${line}`)
  }
  return { epoch, offset }
}

const command = (head: Head, text: string): Command | Question | Reply => {
  switch (head.type) {
    case "publish":
      return new Update(head, text, undefined)
    case "broadcast":
      return { type: head.type, message: parse(text), user: head.user } satisfies Broadcast
    case "revoke":
      return {
        type: head.type,
        target: head.target ?? nobody,
        path: head.path ?? "",
        message: parse(text)
      } satisfies Revoke
    case "disconnect":
      return { type: head.type, target: head.target ?? nobody } satisfies Disconnect
    case "count":
      return { type: head.type, id: head.id ?? 0, path: head.path }
    case "counted":
      return { type: head.type, id: head.id ?? 0, count: head.count ?? 0 }
    default:
      throw new Error("Unknown command of another node")
  }
}

const nobody: Target = { socket: "" }

/**
 * Understands what came over a channel. Throws on what no node says.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (payload: string): Heard => {
  if (!payload.startsWith("{")) {
    const [line, rest] = split(payload)
    const [json, text] = split(rest)
    const head = JSON.parse(json) as Head
    return { from: head.from, said: new Update(head, text, positionOf(line)) }
  }
  const [json, text] = split(payload)
  const head = JSON.parse(json) as Head
  return { from: head.from, said: command(head, text) }
}

/**
 * Understands an entry of a history.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeKept = (payload: string): Published => {
  const [line, rest] = split(payload)
  const [json, text] = split(rest)
  const position = positionOf(line)
  return Object.assign(new Update(JSON.parse(json) as Head, text, position), { position })
}
