/** A declared subscription and its subscribers, indexed so that a publish costs what its matches cost. */
import * as Call from "@hapi/call"
import { UserError } from "../../protocol/NesError.js"
import type { Awaitable } from "../Awaitable.js"
import type { Publish } from "../Command.js"
import { type Credentials, type UserKey, userKey } from "../conversation/Authentication.js"
import * as Groups from "../Groups.js"
import type { Bounds } from "../recovery/Bounds.js"
import type { Access } from "./Access.js"

interface Subscriber {
  readonly auth: { readonly credentials: Credentials | null }
  /** To be called before it becomes a subscriber, and before it ceases to be one. */
  readonly catchUp: () => void
}

/** Path parameters, decoded. */
export type Params = Readonly<Record<string, string>>

/** What a filter may know about the publish and the subscriber (nes-api.txt, "server.subscription"). */
export interface FilterContext<C = unknown> {
  readonly connection: C
  readonly credentials: Credentials | null
  readonly params: Params
  /** The publish's `internal` data, never sent. */
  readonly internal: unknown
}

/** Whether a subscriber gets an update, or another in its place: any `override` but `undefined`. */
export type Verdict<Message = unknown> = boolean | { readonly override?: Message }

/** How it is told who is subscribed. */
export interface PresenceOptions<C = never> {
  /** Where; by default at the path and `/presence`. */
  readonly path: string | undefined
  /** Whether it is told who, or only how many. */
  readonly list: boolean
  /** How long one who has gone counts as present (ms). */
  readonly grace: number
  /** Who may know; by default who may subscribe. */
  readonly access: Access | false | undefined
  /** Who a connection is; by default its user. Who is nobody is not told of. */
  readonly identify: ((connection: C, path: string, params: Params) => unknown) | undefined
}

/** What the application has to say about a subscription. Each hook may answer with a value, a Promise or an Effect. */
export interface Options<C> {
  readonly filter?: ((path: string, message: unknown, context: FilterContext<C>) => Awaitable<Verdict>) | undefined
  /** What the filter is shown in place of a message; made once for each update. */
  readonly view?: ((message: unknown) => unknown) | undefined
  readonly onSubscribe?: ((connection: C, path: string, params: Params) => Awaitable<unknown>) | undefined
  readonly onUnsubscribe?: ((connection: C, path: string, params: Params) => Awaitable<unknown>) | undefined
  /** Who may subscribe; `undefined` for the application's default. */
  readonly access?: Access | false | undefined
  /** The property of the credentials by which subscribers are indexed, or `false` for no index. */
  readonly index?: string | false | undefined
  /** How much is kept for subscribers who come back; `undefined` for nothing. */
  readonly recovery?: Bounds | undefined
  /** Whether a subscriber gets the last update first. Needs `recovery`. */
  readonly state?: boolean | undefined
  /** How it is told who is subscribed; `undefined` for not at all. */
  readonly presence?: PresenceOptions<C> | undefined
  /** How things stand, which a subscriber gets first; `undefined` for nothing. */
  readonly snapshot?: ((connection: C, path: string, params: Params) => Awaitable<unknown>) | undefined
  /** Ends when a snapshot is whole, after something was lost, just now or before; nothing where it is. */
  readonly regather?: ((isLost: boolean) => Promise<void> | undefined) | undefined
}

export type Subscribers<C> = Pick<ReadonlySet<C>, "has" | "keys" | "size">

// A connection is remembered with the key it was indexed by: its credentials may change afterwards.
interface Topic<C> {
  readonly connections: Map<C, UserKey | undefined>
  byUser: Groups.Groups<UserKey, C> | undefined
}

const none: Subscribers<never> = new Set<never>()

export interface Seat {
  readonly waiting: Array<Publish>
  /** Ends when it has become one of the subscribers, or fails where it cannot. */
  done: Promise<void>
}

/** Up to which version somebody has been told of a path, and for how long that counts (ns of the clock). */
export interface Told {
  readonly version: number
  readonly until: bigint
}

export class Subscription<C extends Subscriber> {
  /** Who waits for a first message, by path; present while somebody does. */
  seats: Map<string, Map<C, Seat>> | undefined
  /** Whose first message told of versions that may be yet to come, by path; present while there is somebody. */
  told: Map<string, Map<C, Told>> | undefined
  private readonly topics = new Map<string, Topic<C>>()
  private own: Call.Router<true> | undefined

  constructor(readonly path: string, readonly options: Options<C>) {}

  /** The parameters of one of its paths, whatever else has been declared since. */
  params(path: string): Params {
    if (!this.own) {
      this.own = new Call.Router()
      this.own.add({ method: "sub", path: this.path }, true)
    }
    const match = this.own.route("sub", path)
    return match instanceof Error ? {} : match.params
  }

  get indexed(): boolean {
    return typeof this.options.index === "string"
  }

  /** The subscribers of an exact path; of one user among them if `user` is given. */
  subscribers(path: string, user?: unknown): Subscribers<C> {
    const topic = this.topics.get(path)
    if (!topic) {
      return none
    }
    const key = user ? userKey(user) : undefined
    return key === undefined ? topic.connections : topic.byUser?.get(key) ?? none
  }

  isFollowed(path: string): boolean {
    return this.topics.has(path) || this.seats?.has(path) === true
  }

  *followed(): IterableIterator<readonly [path: string, subscribers: number]> {
    for (const [path, { connections }] of this.topics) {
      yield [path, connections.size]
    }
  }

  add(connection: C, path: string): void {
    // What was published before is not for it.
    connection.catchUp()
    let topic = this.topics.get(path)
    if (!topic) {
      topic = { connections: new Map(), byUser: undefined }
      this.topics.set(path, topic)
    }
    const { index } = this.options
    const key = index ? userKey(connection.auth.credentials?.[index]) : undefined
    topic.connections.set(connection, key)
    if (key !== undefined) {
      Groups.add(topic.byUser ??= new Map(), key, connection)
    }
  }

  remove(connection: C, path: string): boolean {
    connection.catchUp()
    const topic = this.topics.get(path)
    const key = topic?.connections.get(connection)
    if (!topic?.connections.delete(connection)) {
      return false
    }
    if (key !== undefined && topic.byUser) {
      Groups.remove(topic.byUser, key, connection)
    }
    if (topic.connections.size === 0) {
      this.topics.delete(path)
    }
    return true
  }
}

export const requirePath = (path: string): void => {
  if (typeof path !== "string" || !path.startsWith("/")) {
    throw new Error(`Missing or invalid subscription path: ${path || "empty"}`)
  }
}

/** Throws also for a path that nobody can subscribe to; `@hapi/nes` takes what is published there for nobody's. */
export const requireSubscribable = (path: string): void => {
  requirePath(path)
  if (path.includes("?")) {
    throw new UserError({ message: `A subscription path has no query: ${path}` })
  }
}

// So many paths of at most this length are remembered.
const most = 4096
const longest = 256

type Route<A> = readonly [path: string, route: A]

/** What has been declared, found by the rules of hapi's router. */
export class Router<A> {
  /** All that has been declared, in order. */
  readonly declared: Array<Route<A>> = []
  private router = new Call.Router<A>()
  // What was asked for lately.
  private readonly known = new Map<string, A>()

  /** Declares paths, all or none of them; throws if one is invalid or conflicts with another. */
  add(...routes: ReadonlyArray<Route<A>>): void {
    const add = ([path, route]: Route<A>): void => this.router.add({ method: "sub", path }, route)
    this.known.clear()
    try {
      routes.forEach(add)
    } catch (error) {
      // What hapi's router refuses it may have taken in part, and it lets nothing go.
      this.router = new Call.Router()
      this.declared.forEach(add)
      throw error
    }
    this.declared.push(...routes)
  }

  has(path: string): boolean {
    return this.match(path) !== undefined
  }

  /** What a path belongs to; `undefined` if to nothing, or the path does not decode. */
  match(path: string): A | undefined {
    const known = this.known.get(path)
    // Half a surrogate pair has no UTF-8: paths that differ in one would be the same to other nodes.
    if (known !== undefined || !path.startsWith("/") || path.includes("?") || !path.isWellFormed()) {
      return known
    }
    const match = this.router.route("sub", path)
    if (match instanceof Error) {
      return undefined
    }
    if (path.length <= longest) {
      if (this.known.size === most) {
        this.known.clear()
      }
      this.known.set(path, match.route)
    }
    return match.route
  }
}

/** A Map in order of paths that takes little memory as long as there is only one, as for most clients. */
export class Subscribed<S extends object> {
  private path: string | undefined
  private subscription: S | undefined
  private rest: Map<string, S> | undefined

  get size(): number {
    return (this.subscription === undefined ? 0 : 1) + (this.rest?.size ?? 0)
  }

  get(path: string): S | undefined {
    return path === this.path ? this.subscription : this.rest?.get(path)
  }

  has(path: string): boolean {
    return this.get(path) !== undefined
  }

  set(path: string, subscription: S): void {
    if (path === this.path || this.size === 0) {
      this.path = path
      this.subscription = subscription
    } else {
      this.rest ??= new Map()
      this.rest.set(path, subscription)
    }
  }

  delete(path: string): void {
    if (path === this.path) {
      this.path = this.subscription = undefined
    } else {
      this.rest?.delete(path)
    }
  }

  clear(): void {
    this.path = this.subscription = this.rest = undefined
  }

  *[Symbol.iterator](): IterableIterator<[string, S]> {
    if (this.path !== undefined && this.subscription !== undefined) {
      yield [this.path, this.subscription]
    }
    yield* this.rest ?? []
  }

  *keys(): IterableIterator<string> {
    for (const [path] of this) {
      yield path
    }
  }
}
