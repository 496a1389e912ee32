/** What nodes say to each other: a line with the place of what is kept, a line of JSON, and the message's text. */
import type * as Message from "../protocol/Message.js"
import type { Command, Publish, Published } from "../server/Command.js"

/** What nodes say to each other beside commands. */
export type Word =
  /** Asks every node that hears it how many connections, or subscribers of a path, it has. */
  | { readonly type: "count"; readonly id: number; readonly path?: string | undefined }
  /** The answer. */
  | { readonly type: "counted"; readonly id: number; readonly count: number }
  /** A question of an operator's, to every node. */
  | { readonly type: "ask"; readonly id: number; readonly question: unknown }
  /** The answer; none where nobody may ask. */
  | { readonly type: "told"; readonly id: number; readonly answer?: unknown }
  /** The sender has carried out the orders up to this one. */
  | { readonly type: "done"; readonly position: Message.Position }
  | { readonly type: "left" }

interface Head extends Partial<Omit<Publish, "type">> {
  readonly from: string
  readonly type: Command["type"] | Word["type"]
}

const assemble = (head: object, text = ""): string => `${JSON.stringify(head)}\n${text}`

/** Puts what is said into words. Throws if what it carries is no JSON. */
export const encode = (from: string, command: Command | Word): string => {
  if (command.type === "publish") {
    const { internal, message, path, text, traceparent, type, user, version } = command
    return assemble({ from, type, path, internal, user, version, traceparent }, text ?? JSON.stringify(message))
  }
  const { message, text, ...head } = { message: undefined, text: undefined, ...command }
  return assemble({ from, ...head }, text ?? JSON.stringify(message))
}

const parse = (text: string): unknown => text === "" ? undefined : JSON.parse(text)

// Most updates go out as the text they came in; only a filter looks into them.
class Update implements Publish {
  readonly type = "publish"
  readonly path: string
  readonly internal: unknown
  readonly user: unknown
  readonly text: string | undefined
  readonly version: number | undefined
  readonly traceparent: string | undefined
  private parsed: { readonly message: unknown } | undefined

  constructor(head: Head, text: string, readonly position: Message.Position | undefined) {
    this.path = head.path ?? ""
    this.internal = head.internal
    this.user = head.user
    this.version = head.version
    this.traceparent = head.traceparent
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

/** Understands a position: `epoch:offset`, and maybe more. */
export const positionOf = (line: string): Message.Position => {
  const colon = line.indexOf(":")
  const end = line.indexOf(":", colon + 1)
  const offset = Number(line.slice(colon + 1, end < 0 ? line.length : end))
  if (!Number.isSafeInteger(offset)) {
    throw new Error(`Not a position: ${line}`)
  }
  return { epoch: line.slice(0, colon), offset }
}

// What there is beside updates, and what is missing where somebody else has said it.
const absent: Readonly<Record<string, object>> = {
  broadcast: {},
  revoke: { target: { socket: "" }, path: "" },
  disconnect: { target: { socket: "" } },
  count: {},
  counted: {},
  ask: {},
  told: {},
  done: { position: { epoch: "", offset: 0 } },
  left: {}
}

const saidBy = (head: Head, text: string, position: Message.Position | undefined): Command | Word => {
  if (head.type === "publish") {
    return new Update(head, text, position)
  }
  if (!Object.hasOwn(absent, head.type)) {
    throw new Error("Unknown command of another node")
  }
  return { ...absent[head.type], ...head, message: parse(text) } as Command | Word
}

/** Understands what came over a channel, or an entry of what is kept, and is at a position. Throws on what no node says. */
export const decode = (payload: string) => {
  const [line, rest] = payload.startsWith("{") ? [undefined, payload] : split(payload)
  const position = line === undefined ? undefined : positionOf(line)
  const [json, text] = split(rest)
  const head = JSON.parse(json) as Head
  return { from: head.from, said: saidBy(head, text, position), position }
}

/** Understands an entry of a path's history. What was kept in an earlier epoch is told in the terms of this one. */
export const decodeUpdate = (entry: string, epoch: string): Published => {
  const { position, said } = decode(entry)
  if (!position || said.type !== "publish") {
    throw new Error("Not an update")
  }
  return Object.assign(said, { position: { epoch, offset: position.offset }, origin: position.epoch })
}
