/** The connections of a node, by id and by user. */
import * as Latch from "effect/Latch"
import { type UserKey, userKey } from "../conversation/Authentication.js"
import * as Groups from "../Groups.js"
import type { Connection } from "./Connection.js"

const none: ReadonlySet<Connection> = new Set()

export class Connections {
  /** Open while there is a connection. */
  readonly populated = Latch.makeUnsafe(false)
  readonly pulse = { phase: 0 }
  private readonly byNumber = new Map<number, Connection>()
  private readonly byUser: Groups.Groups<UserKey, Connection> = new Map()

  get size(): number {
    return this.byNumber.size
  }

  get(id: string): Connection | undefined {
    const connection = this.byNumber.get(Number(id.slice(id.lastIndexOf(":") + 1)))
    return connection?.id === id ? connection : undefined
  }

  add(connection: Connection): void {
    this.byNumber.set(connection.number, connection)
    this.populated.openUnsafe()
  }

  remove(connection: Connection): void {
    this.byNumber.delete(connection.number)
    if (this.byNumber.size === 0) {
      this.populated.closeUnsafe()
    }
  }

  has({ number }: Connection): boolean {
    return this.byNumber.has(number)
  }

  /** All connections, those that have not said hello included, in the order they came. */
  keys(): IterableIterator<Connection> {
    return this.byNumber.values()
  }

  ofUser(user: unknown): ReadonlySet<Connection> {
    const key = userKey(user)
    return key === undefined ? none : this.byUser.get(key) ?? none
  }

  hasRoom(connection: Connection, key: UserKey, max: number): boolean {
    const current = this.byUser.get(key) ?? none
    return current.size - (current.has(connection) ? 1 : 0) < max
  }

  /** Counts a connection among those of one user, and no more among those of another. */
  move(connection: Connection, from: UserKey | undefined, to: UserKey | undefined): void {
    if (from !== undefined) {
      Groups.remove(this.byUser, from, connection)
    }
    if (to !== undefined) {
      Groups.add(this.byUser, to, connection)
    }
  }
}
