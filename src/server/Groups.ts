/** Sets by what their members have in common; an empty one is none. */
export type Groups<K, V> = Map<K, Set<V>>

/** Adds a member of a group. */
export const add = <K, V>(groups: Groups<K, V>, key: K, member: V): void => {
  const group = groups.get(key)
  if (group) {
    group.add(member)
  } else {
    groups.set(key, new Set([member]))
  }
}

/** Removes a member of a group, and the group with the last one. */
export const remove = <K, V>(groups: Groups<K, V>, key: K, member: V): void => {
  const group = groups.get(key)
  if (group?.delete(member) && group.size === 0) {
    groups.delete(key)
  }
}
