/** Maps whose values come about when they are asked for. */

interface MapLike<K, V> {
  get(key: K): V | undefined
  set(key: K, value: V): unknown
}

export const getOrMake = <K, V>(map: MapLike<K, V>, key: K, make: () => V): V => {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

/** Takes a value out of a map of maps, and the map with the last one. */
export const take = <A, B, V>(maps: Map<A, Map<B, V>>, first: A, second: B): V | undefined => {
  const map = maps.get(first)
  const value = map?.get(second)
  if (map?.delete(second) && map.size === 0) {
    maps.delete(first)
  }
  return value
}

/** Sets by what their members have in common; an empty one is none. */
export type Groups<K, V> = Map<K, Set<V>>

export const add = <K, V>(groups: Groups<K, V>, key: K, member: V): void => {
  getOrMake(groups, key, () => new Set()).add(member)
}

export const remove = <K, V>(groups: Groups<K, V>, key: K, member: V): void => {
  const group = groups.get(key)
  if (group?.delete(member) && group.size === 0) {
    groups.delete(key)
  }
}
