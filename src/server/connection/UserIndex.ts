/** Which connections a user has. */
import type { UserKey } from "../conversation/Authentication.js"

/** Each connected user with their connections. */
export type UserIndex<C> = Map<UserKey, Set<C>>

/** Adds a connection of a user. */
export const add = <C>(index: UserIndex<C>, key: UserKey, connection: C): void => {
  const connections = index.get(key)
  if (connections) {
    connections.add(connection)
  } else {
    index.set(key, new Set([connection]))
  }
}

/** Removes a connection of a user, and the user with the last one. */
export const remove = <C>(index: UserIndex<C>, key: UserKey, connection: C): void => {
  const connections = index.get(key)
  if (connections?.delete(connection) && connections.size === 0) {
    index.delete(key)
  }
}
