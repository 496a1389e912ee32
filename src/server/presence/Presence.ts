/** Who of this node's connections is present where. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { createHash } from "node:crypto"
import { fill } from "../../protocol/Contract.js"
import { UserError } from "../../protocol/NesError.js"
import { isPromiseLike } from "../Awaitable.js"
import type { Connection, Declared } from "../connection/Connection.js"
import { Deadlines } from "../connection/Deadlines.js"
import { userKey } from "../conversation/Authentication.js"
import { errorAnswer } from "../conversation/ErrorAnswer.js"
import { getOrMake, take } from "../Groups.js"
import * as MessageText from "../MessageText.js"
import type { NodeContext } from "../NodeContext.js"
import type { Bounds } from "../recovery/Bounds.js"
import { SharedReads } from "../recovery/SharedReads.js"
import { Snapshot } from "../subscription/Snapshot.js"
import { type Options, type PresenceOptions, Router } from "../subscription/Subscription.js"
import type { Change, Local, Place, Presences, Present } from "./Present.js"

/**
 * Who is present at a path, for the application.
 *
 * @since 1.0.0
 * @category models
 */
export interface PathPresence {
  /** Who is present, on all nodes. */
  readonly read: () => Promise<Present>
  /** How many are present, on all nodes. */
  readonly count: () => Promise<number>
  /** Changes the value of somebody who is present, on whatever node. */
  readonly set: (id: string, value: unknown) => Promise<void>
}

interface Entry {
  readonly id: string
  readonly post: Post
  /** How many subscriptions it has: those of several paths may be told of at one. */
  subscriptions: number
  value: string | null
  /** What it binds while it has gone and may come back (bytes). */
  lingering: number
}

interface Post {
  readonly place: Place
  readonly grace: number
  readonly entries: Map<string, Entry>
  readonly changes: Map<string, string | null | undefined>
  /** Whether what others know may differ from what is so. */
  isDoubtful: boolean
  isWorking: boolean
}

// What is kept of what a path tells: enough for whoever is away for a moment, and no more than there is to list. Others
// get the whole list.
const bounds: Bounds = { size: 1_000, age: 15_000, transient: true }

// What those who have gone and may come back bind at most on a node (bytes): further ones leave at once. No limit of a
// connection holds for them any more.
const maxLingering = 64 * 1_048_576

// What somebody binds, at worst: the value and changes of it as texts and parsed, and a part of what the path takes.
const weightOf = ({ post: { entries, place }, value }: Entry): number =>
  512 + 8 * (value?.length ?? 0) + (3_072 + 4 * place.path.length) / entries.size

// The shortest time between two changes of a path that a node tells of (ms), for one that lists and one that counts.
const listInterval = 50
const countInterval = 1_000

// Paths that are told of at a time: after an outage it may be all of them, and others use the same connection.
const parallel = 100

const suffix = "/presence"

const parametersOf = (path: string): ReadonlyArray<string> => path.match(/\{[^}]*\}/g) ?? []

export type PresenceContext = Pick<NodeContext, "application" | "clock" | "exceed" | "fork" | "metrics" | "settings">

export class Presence implements Local {
  private readonly posts = new Map<string, Post>()
  private readonly entries = new Map<Connection, Map<string, Entry>>()
  /** What clients have said of themselves whose subscription was still on its way. */
  private readonly early = new Map<Connection, Map<string, string>>()
  private readonly places = new Router<PresenceOptions<Connection>>()
  private readonly readings = new SharedReads<Snapshot>()
  private readonly graces = new Map<number, Deadlines<Entry>>()
  private readonly share = Semaphore.makeUnsafe(parallel)
  private isFailing = false
  private lingering = 0

  constructor(
    private readonly node: string,
    private readonly context: PresenceContext,
    private readonly presences: Presences,
    private readonly isStopped: () => boolean
  ) {}

  /** What is to be declared for a subscription with presence: the path that tells of it, with the same access. */
  told(path: string, options: Options<Connection>, presence: PresenceOptions<Connection>): readonly [
    string,
    Options<Connection>
  ] {
    const { path: pattern = path + suffix } = presence
    if (!presence.path && /[?*]\d*\}$/.test(path)) {
      throw new UserError({ message: `Presence of a path that ends as it likes needs a path of its own: ${path}` })
    }
    const unknown = parametersOf(pattern).find((parameter) => !parametersOf(path).includes(parameter))
    if (unknown) {
      throw new UserError({ message: `The path of a presence has a parameter that ${path} has not: ${unknown}` })
    }
    const own = presence.access !== undefined
    return [pattern, {
      access: own ? presence.access : options.access,
      ...(!own && { onSubscribe: options.onSubscribe, onUnsubscribe: options.onUnsubscribe }),
      recovery: bounds,
      regather: (isLost) => this.presences.whole?.(isLost),
      snapshot: (_connection, path) =>
        this.readings.ask(path, async () => {
          const { position, ...present } = await this.presences.read({ path, bounds, list: presence.list })
          return new Snapshot(present, position)
        })
    }]
  }

  /** To be called when the path that tells of it has been declared. */
  declare(pattern: string, presence: PresenceOptions<Connection>): void {
    this.places.add([pattern, presence])
    this.deadlines(presence.grace)
  }

  join(connection: Connection, path: string, subscription: Declared, first: string | undefined): void {
    const { presence } = subscription.options
    const id = presence && this.identify(connection, path, subscription, presence)
    if (!presence || id === undefined || connection.departed) {
      return
    }
    const given = take(this.early, connection, path) ?? first
    const before = this.entries.get(connection)?.get(path)
    if (before && before.id !== id) {
      this.leave(connection, path)
    }
    const place = placeOf(path, subscription, presence)
    const post = this.post(place, presence.grace)
    const known = post.entries.get(id)
    const entry: Entry = known ?? { id, post, subscriptions: 0, value: given ?? null, lingering: 0 }
    post.entries.set(id, entry)
    this.context.metrics.totals.present += known ? 0 : 1
    this.deadlines(post.grace)?.clear(entry)
    this.linger(entry, 0)
    entry.subscriptions += before === entry ? 0 : 1
    getOrMake(this.entries, connection, () => new Map()).set(path, entry)
    if (!known || (given !== undefined && given !== entry.value)) {
      this.changed(entry, given ?? null)
    }
  }

  /** A client says something else of itself, at a path that it is subscribed to, or is about to be. */
  say(connection: Connection, path: string, value: string): void {
    const entry = this.entries.get(connection)?.get(path)
    if (!entry) {
      getOrMake(this.early, connection, () => new Map()).set(path, value)
    } else {
      // Even if it said so before: the application may have said something else since.
      this.changed(entry, value)
    }
  }

  /** A connection has unsubscribed, or has gone: then it may come back. */
  leave(connection: Connection, path: string): void {
    take(this.early, connection, path)
    const entry = take(this.entries, connection, path)
    if (!entry || --entry.subscriptions > 0) {
      return
    }
    const deadlines = connection.departed ? this.deadlines(entry.post.grace) : undefined
    const weight = weightOf(entry)
    if (deadlines && this.lingering + weight <= maxLingering) {
      this.linger(entry, weight)
      deadlines.set(entry)
    } else {
      this.gone(entry)
    }
  }

  review(connection: Connection, path: string, subscription: Declared): void {
    const { presence } = subscription.options
    const entry = this.entries.get(connection)?.get(path)
    const id = presence && this.identify(connection, path, subscription, presence)
    if (entry?.id !== id) {
      this.leave(connection, path)
      this.join(connection, path, subscription, undefined)
    }
  }

  read(value: unknown, connection: Connection, path: string): string | undefined {
    if (value === undefined) {
      return undefined
    }
    const text = JSON.stringify(value)
    if (Buffer.byteLength(text) > this.context.settings.limits.maxPresenceBytes) {
      this.context.exceed("maxPresenceBytes", connection, path)
      throw errorAnswer("presenceTooLong")
    }
    return text
  }

  of(path: string, subscription: Declared | undefined): PathPresence | undefined {
    const presence = subscription?.options.presence
    if (!presence) {
      return undefined
    }
    const at = placeOf(path, subscription, presence)
    return {
      read: async () => {
        const { count, users } = await this.presences.read(at)
        return { count, ...(users && { users }) }
      },
      count: async () => (await this.presences.read({ ...at, list: false })).count,
      set: async (id, value) => this.presences.change(at, this.node, [[id, MessageText.of(value)]], "values")
    }
  }

  grace(): number {
    return Math.max(0, ...this.graces.keys())
  }

  place(path: string): Place | undefined {
    const presence = this.places.match(path)
    return presence && { path, bounds, list: presence.list }
  }

  renew(everywhere: boolean, paths: Iterable<string> = []): void {
    for (const path of paths) {
      const presence = this.places.match(path)
      if (presence) {
        this.post({ path, bounds, list: presence.list }, presence.grace).isDoubtful = true
      }
    }
    for (const post of this.posts.values()) {
      post.isDoubtful ||= everywhere
      if (post.isDoubtful) {
        this.work(post)
      }
    }
  }

  /** The node stops: where there are others, they notice, and let those who come back be. */
  async stop(): Promise<void> {
    this.graces.forEach((deadlines) => deadlines.reset())
    this.lingering = 0
    this.entries.clear()
    this.early.clear()
    for (const { entries } of this.posts.values()) {
      this.context.metrics.totals.present -= entries.size
    }
    this.posts.clear()
    await this.presences.left?.(this.node)
  }

  private post(place: Place, grace: number): Post {
    return getOrMake(this.posts, place.path, (): Post => ({
      place,
      grace,
      entries: new Map(),
      changes: new Map(),
      isDoubtful: false,
      isWorking: false
    }))
  }

  private deadlines(grace: number): Deadlines<Entry> | undefined {
    return grace === 0
      ? undefined
      : getOrMake(this.graces, grace, () => new Deadlines(grace, this.context, (entry) => this.gone(entry)))
  }

  private identify(
    connection: Connection,
    path: string,
    subscription: Declared,
    { identify }: PresenceOptions<Connection>
  ): string | undefined {
    try {
      const { credentials } = connection.auth
      const { index } = subscription.options
      return identify
        ? nameOf(atOnce(identify(connection, path, subscription.params(path))))
        : nameOf(credentials?.[index || "user"]) ?? connection.id
    } catch (error) {
      this.context.application.log(["nes", "identify", "error"], error, connection)
      return undefined
    }
  }

  private changed(entry: Entry, value: string | null): void {
    entry.value = value
    entry.post.changes.set(entry.id, value)
    this.work(entry.post)
  }

  private linger(entry: Entry, weight: number): void {
    this.lingering += weight - entry.lingering
    entry.lingering = weight
  }

  private gone(entry: Entry): void {
    const { id, post } = entry
    this.linger(entry, 0)
    if (post.entries.get(id) === entry && !this.isStopped()) {
      post.entries.delete(id)
      this.context.metrics.totals.present--
      post.changes.set(id, undefined)
      this.work(post)
    }
  }

  private work(post: Post): void {
    if (!post.isWorking) {
      post.isWorking = true
      queueMicrotask(() => this.context.fork(this.telling(post)))
    }
  }

  // Who comes and goes in between is told of together, or not at all.
  private telling(post: Post): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const { changes, place } = post
      while (changes.size > 0 || post.isDoubtful) {
        yield* this.share.withPermit(Effect.promise(() => this.tell(post)))
        yield* Effect.sleep(place.list ? listInterval : countInterval)
        if (post.isDoubtful) {
          break
        }
      }
      post.isWorking = false
      if (post.entries.size === 0 && changes.size === 0 && !post.isDoubtful && this.posts.get(place.path) === post) {
        this.posts.delete(place.path)
      }
    })
  }

  private async tell(post: Post): Promise<void> {
    const { changes, entries, isDoubtful, place } = post
    const all = isDoubtful ? Array.from(entries.values(), ({ id, value }): Change => [id, value]) : []
    const some = Array.from(changes)
    changes.clear()
    post.isDoubtful = false
    const { node, presences } = this
    if (this.isStopped()) {
      return
    }
    try {
      if (isDoubtful) {
        await presences.change(place, node, all, "all")
      }
      if (some.length > 0) {
        await presences.change(place, node, some, "some")
      }
      this.isFailing = false
    } catch (error) {
      // They are told when the others can be reached again. Who is there is said anew; values would not be. Of nobody
      // there is nothing to say where nobody was known.
      post.isDoubtful = entries.size > 0 || (presences.isKnown?.(place.path) ?? true)
      for (const [id, value] of some) {
        if (value !== undefined && !changes.has(id)) {
          changes.set(id, value)
        }
      }
      if (!this.isFailing) {
        this.isFailing = true
        this.context.application.log(["nes", "presence", "error"], error)
      }
    }
  }
}

// A Promise is somebody else each time, and everybody to a digest.
const atOnce = (who: unknown): unknown => {
  if (isPromiseLike(who) || Effect.isEffect(who)) {
    Promise.resolve(isPromiseLike(who) ? who : undefined).catch(() => {})
    throw new UserError({ message: "`identify` has to return the id itself, not a Promise or an Effect" })
  }
  return who
}

// What an object holds is nobody else's business: it goes by its `id`, or by a digest.
const nameOf = (who: unknown): string | undefined => {
  const key = userKey(who)
  if (typeof who !== "object" || who === null || key === undefined) {
    return typeof key === "string" ? key : undefined
  }
  const { id } = who as { readonly id?: unknown }
  return typeof id === "string" || typeof id === "number"
    ? String(id)
    : createHash("sha256").update(typeof key === "string" ? key : "").digest("base64url")
}

const placeOf = (
  path: string,
  subscription: Declared,
  { list, path: pattern }: PresenceOptions<Connection>
): Place => ({
  path: pattern === undefined ? path + suffix : fill(pattern, subscription.params(path)),
  bounds,
  list
})
