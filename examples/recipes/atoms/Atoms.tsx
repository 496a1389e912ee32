/** Effect's atoms in React: hooks that read them, and set them. */
import { type Atom, AtomRegistry } from "effect/reactivity"
import { createContext, useCallback, useContext, useEffect, useSyncExternalStore } from "react"

/** The values of the atoms that a page shows. One that no component shows is kept for a moment: it may be back. */
export const Registry = createContext(AtomRegistry.make({ defaultIdleTTL: 400 }))

/** The value of an atom, as it changes. */
export const useAtomValue = <A,>(atom: Atom.Atom<A>): A => {
  const registry = useContext(Registry)
  const subscribe = useCallback((changed: () => void) => registry.subscribe(atom, changed), [registry, atom])
  const read = () => registry.get(atom)
  return useSyncExternalStore(subscribe, read, read)
}

/** Sets an atom, such as a mutation, which is there as long as the component is. */
export const useAtomSet = <R, W>(atom: Atom.Writable<R, W>): (value: W) => void => {
  const registry = useContext(Registry)
  useEffect(() => registry.mount(atom), [registry, atom])
  return useCallback((value: W) => registry.set(atom, value), [registry, atom])
}
