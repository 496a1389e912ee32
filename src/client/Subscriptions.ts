/** The paths the client is subscribed to, and who listens to each. */
import * as Codec from "../protocol/Codec.js"
import type * as Message from "../protocol/Message.js"
import type { NesError } from "../protocol/NesError.js"

/**
 * What a listener is told beside the message (nes-api.txt, `client.subscribe`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Flags {
  /** Set on the last update, when the server revoked the subscription. */
  revoked?: true
  /** Set on the first update after some were lost, on a path with recovery: too many or too old to be sent again. */
  gap?: true
  /** Set on a message that says how things stand, from which the next updates go on. */
  snapshot?: true
}

/**
 * How to subscribe.
 *
 * @since 1.0.0
 * @category models
 */
export interface SubscribeOptions {
  /** How many of its last updates come first, at most, where it has recovery: as the first subscriber has it. */
  readonly history?: number | undefined
  /**
   * What to say of oneself to the others at the path: any JSON value. A path without presence is then refused. It counts
   * for the first who subscribes to the path: to say something else, use `present`.
   */
  readonly presence?: unknown
}

export interface Listener {
  /** A server has accepted the subscription: again after each reconnect. */
  accepted?(): void
  update(message: unknown, flags: Flags): void
  /** The path was dropped: revoked by the server (no error), or refused, or the subscription request failed. */
  ended?(error: NesError | undefined): void
}

type Report = (cause: unknown) => void

// Epochs before the present one in which a position is remembered.
const remembered = 3

/** One path: its listeners under the keys they were added with, and who still waits for the server's answer. */
export class Topic {
  readonly listeners = new Map<unknown, Listener>()
  /** Present while the subscription request is under way. */
  waiting: Array<(error?: NesError) => void> | undefined
  /** The connection whose server has accepted it last. */
  acceptedBy: object | undefined
  /** How far the path has come, where the server says it: it then makes up for what a reconnect misses. */
  private position: Message.Position | undefined
  /** Where earlier epochs were left: of two servers that both count as the first, each may be met again. */
  private left: ReadonlyArray<Message.Position> = []
  gap = false
  /** How its updates begin, as long as they hold nothing but their message. */
  head: string | undefined

  constructor(path: string, private readonly history: number | undefined, public presence: unknown) {
    this.head = Codec.pubHead(path)
  }

  /** What a client says of a path beside that it subscribes to it. */
  get wishes(): Pick<Message.Sub, "recover" | "history" | "presence"> {
    const { history, position: recover, presence } = this
    return { recover, history: recover ? undefined : history, presence }
  }

  accept(connection: object | undefined): void {
    this.acceptedBy = connection
    this.listeners.forEach((listener) => listener.accepted?.())
  }

  answer(error: NesError | undefined): void {
    const { waiting = [] } = this
    this.waiting = undefined
    waiting.forEach((done) => done(error))
  }

  end(error?: NesError): void {
    for (const listener of this.listeners.values()) {
      listener.ended?.(error)
    }
  }

  // What was heard in an epoch before another came between is not heard again.
  moveTo(next: Message.Position): void {
    const { left, position } = this
    if (position === undefined || position.epoch === next.epoch) {
      this.position = next
      return
    }
    const before = left.find(({ epoch }) => epoch === next.epoch)
    this.left = [position, ...left.filter((each) => each !== before)].slice(0, remembered)
    this.position = before !== undefined && before.offset >= next.offset ? before : next
  }

  /** Moves on; returns whether what is at the position has not been heard. */
  advance(next: Message.Position): boolean {
    const { position } = this
    if (position !== undefined && position.epoch === next.epoch && next.offset <= position.offset) {
      return false
    }
    this.moveTo(next)
    return this.position === next
  }

  pass(message: unknown, report: Report): void {
    const flags: Flags = this.gap ? { gap: true } : {}
    this.gap = false
    this.hand(message, flags, report)
  }

  // A Map's iterator neither skips nor repeats when listeners come and go meanwhile.
  hand(message: unknown, flags: Flags, report: Report): void {
    for (const listener of this.listeners.values()) {
      try {
        listener.update(message, flags)
      } catch (cause) {
        report(cause)
      }
    }
  }
}

// At most: not every platform has what counts UTF-8 exactly.
const bytesOf = (u: unknown): number => JSON.stringify(u).replace(/[^\x20-\x7e]/g, "---").length

export class Subscriptions {
  readonly topics = new Map<string, Topic>()
  /** Whose update was the last: often that of the next, too. */
  private recent: Topic | undefined

  /** The fields of a hello; `rest` are the paths that would make them longer than `maxBytes`. */
  hello(maxBytes: number): Omit<Message.Hello, "type" | "id" | "version" | "auth"> & {
    readonly rest: ReadonlyArray<string>
  } {
    const subs: Array<string> = []
    const wanted: Record<string, Record<string, unknown>> = {}
    const rest: Array<string> = []
    let bytes = 0
    for (const [path, topic] of this.topics) {
      const wishes = Object.entries(topic.wishes).filter(([, wish]) => wish !== undefined)
      bytes += bytesOf([path, wishes.map(([, wish]) => [path, wish])])
      if (bytes > maxBytes) {
        rest.push(path)
        continue
      }
      subs.push(path)
      for (const [name, wish] of wishes) {
        ;(wanted[name] ??= {})[path] = wish
      }
    }
    return { ...(subs.length > 0 && { subs }), ...wanted, rest }
  }

  /** Takes note of how far a path has come, by the server's word. */
  locate(path: string, position: Message.Position | undefined): void {
    if (position !== undefined) {
      this.topics.get(path)?.moveTo(position)
    }
  }

  /** Takes note that updates are lost; returns whether the path is subscribed to. */
  gap(path: string, position: Message.Position): boolean {
    const topic = this.topics.get(path)
    if (topic !== undefined) {
      topic.moveTo(position)
      topic.gap = true
    }
    return topic !== undefined
  }

  create(path: string, { history, presence }: SubscribeOptions): Topic {
    const topic = new Topic(path, history, presence)
    this.topics.set(path, topic)
    return topic
  }

  /** What a hello asked for is accepted, but for the `rest`; what came after it has a request of its own. */
  helloAccepted(connection: object, rest: ReadonlyArray<string>): void {
    const others = new Set(rest)
    for (const [path, topic] of this.topics) {
      if (topic.waiting === undefined && !others.has(path)) {
        topic.accept(connection)
      }
    }
  }

  /** Removes one listener; returns whether it was the path's last, and the path is gone with it. */
  remove(path: string, key: unknown): boolean {
    const topic = this.topics.get(path)
    return topic !== undefined && topic.listeners.delete(key) && topic.listeners.size === 0 && this.delete(path)
  }

  /** Removes a path, if it still is what `topic` says, and tells its listeners why. */
  drop(path: string, error: NesError | undefined, topic = this.topics.get(path)): void {
    if (topic !== undefined && this.topics.get(path) === topic) {
      this.delete(path)
      topic.end(error)
    }
  }

  /** Removes a path with all its listeners, which hear nothing more; returns whether there was one. */
  clear(path: string): boolean {
    this.topics.get(path)?.listeners.clear()
    return this.delete(path)
  }

  /**
   * Delivers an update from its text if it is of the same path as the last and holds nothing but a message; returns
   * whether it is. This saves reading the envelope, a fifth of what an update of common size costs.
   */
  deliverText(text: string, report: Report): boolean {
    const { recent } = this
    if (recent?.head === undefined || !text.startsWith(recent.head)) {
      return false
    }
    const message = messageAfter(recent.head, text)
    if (message === undefined) {
      // Trying costs more than it saves where updates hold more, such as positions.
      recent.head = undefined
      return false
    }
    recent.pass(message, report)
    return true
  }

  /**
   * Hands a message to every listener of a path, unless it is `undefined` or its position says that it has come before.
   * A listener that throws does not keep it from the others.
   */
  deliver({ message, path, position, snapshot }: Omit<Message.Pub, "type">, report: Report): void {
    const topic = this.topics.get(path)
    this.recent = topic
    // What a snapshot is made of may have been told of before.
    const isNews = topic !== undefined && (position === undefined || topic.advance(position) || snapshot === true)
    if (isNews && snapshot === true) {
      topic.gap = false
      topic.hand(message, { snapshot: true }, report)
    } else if (isNews && message !== undefined) {
      topic.pass(message, report)
    }
  }

  /**
   * Ends a path at the server's word, with its last message unless that is `undefined`. Before the `sub` of a path is
   * answered, its word is about a subscription before: the answer says whether this one stands. Returns whether the
   * path has ended.
   */
  revoke({ message, path }: Omit<Message.Revoke, "type">, report: Report): boolean {
    const topic = this.topics.get(path)
    if (topic === undefined || topic.waiting !== undefined) {
      return false
    }
    this.delete(path)
    if (message !== undefined) {
      topic.hand(message, { revoked: true }, report)
    }
    topic.end()
    return true
  }

  private delete(path: string): boolean {
    this.recent = undefined
    return this.topics.delete(path)
  }
}

// What lies between the head and the last brace is one JSON value exactly if the whole text is an update with a message
// and nothing else.
const messageAfter = (head: string, text: string): unknown => {
  if (!text.endsWith("}")) {
    return undefined
  }
  try {
    return JSON.parse(text.slice(head.length, -1))
  } catch {
    return undefined
  }
}
