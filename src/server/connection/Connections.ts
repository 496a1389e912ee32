/** The connections of a node, by id and by user. */
import * as Boom from "@hapi/boom"
import * as Latch from "effect/Latch"
import { type UserKey, userKey } from "../conversation/Authentication.js"
import type { AuthSettings } from "../Settings.js"
import type { Connection } from "./Connection.js"
import * as UserIndex from "./UserIndex.js"

const none: ReadonlySet<Connection> = new Set()

/** All open connections, those that have not said hello included. */
export class Connections {
  /** Open while there is a connection. */
  readonly populated = Latch.makeUnsafe(false)
  private readonly byId = new Map<string, Connection>()
  private readonly byUser: UserIndex.UserIndex = new Map()

  constructor(private readonly auth: AuthSettings | false) {}

  get size(): number {
    return this.byId.size
  }

  get(id: string): Connection | undefined {
    return this.byId.get(id)
  }

  add(connection: Connection): void {
    this.byId.set(connection.id, connection)
    this.populated.openUnsafe()
  }

  remove(connection: Connection): void {
    this.byId.delete(connection.id)
    if (this.byId.size === 0) {
      this.populated.closeUnsafe()
    }
    this.unassign(connection)
  }

  has({ id }: Connection): boolean {
    return this.byId.has(id)
  }

  /** All connections, in the order they came. */
  keys(): IterableIterator<Connection> {
    return this.byId.values()
  }

  /** All connections, in the order they came. */
  all(): IterableIterator<Connection> {
    return this.byId.values()
  }

  /** The connections of a user; none where there is no index. */
  ofUser(user: unknown): ReadonlySet<Connection> {
    const key = userKey(user)
    return key === undefined ? none : this.byUser.get(key) ?? none
  }

  /** Counts a connection among those of a user, or of none; throws 503 if there are as many as are allowed. */
  assign(connection: Connection, key: UserKey | undefined): void {
    const { auth } = this
    if (auth && auth.maxConnectionsPerUser && key !== undefined) {
      const current = this.byUser.get(key) ?? none
      if (current.size - (current.has(connection) ? 1 : 0) >= auth.maxConnectionsPerUser) {
        throw Boom.serverUnavailable("Too many connections for the authenticated user")
      }
    }
    // A connection that closed during its authentication must not come back through the index.
    if (!connection.departed) {
      this.unassign(connection)
      connection.user = key
      if (key !== undefined) {
        UserIndex.add(this.byUser, key, connection)
      }
    }
  }

  /** Counts a connection among those of its user no more. */
  unassign(connection: Connection): void {
    if (connection.user !== undefined) {
      UserIndex.remove(this.byUser, connection.user, connection)
      connection.user = undefined
    }
  }
}
