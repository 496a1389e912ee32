/** Connections by user. */
import type { UserKey } from "../conversation/Authentication.js"
import type { Connection } from "./Connection.js"

/** The connections of each user who has any. */
export type UserIndex = Map<UserKey, Set<Connection>>

/** Adds a connection of a user. */
export const add = (index: UserIndex, key: UserKey, connection: Connection): void => {
  const connections = index.get(key)
  if (connections) {
    connections.add(connection)
  } else {
    index.set(key, new Set([connection]))
  }
}

/** Removes a connection of a user, and the user with the last one. */
export const remove = (index: UserIndex, key: UserKey, connection: Connection): void => {
  const connections = index.get(key)
  if (connections?.delete(connection) && connections.size === 0) {
    index.delete(key)
  }
}
