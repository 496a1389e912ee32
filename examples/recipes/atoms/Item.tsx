/** An item: how it stands, by a request; what is published of it, by a subscription; and a button that changes it. */
import * as NesAtom from "effect-nes/NesAtom"
import * as NesClient from "effect-nes/NesClient"
import { AsyncResult } from "effect/reactivity"
import { useState } from "react"
import { useAtomSet, useAtomValue } from "./Atoms.js"

const nes = NesAtom.make(NesClient.layer({ url: location.origin }))

const textOf = <A, E>(result: AsyncResult.AsyncResult<A, E>, read: (value: A) => unknown): string =>
  AsyncResult.match(result, {
    onInitial: () => "nothing yet",
    onFailure: ({ cause }) => String(cause),
    onSuccess: ({ value }) => JSON.stringify(read(value))
  })

const Live = ({ path }: { readonly path: string }) => (
  <output aria-label="Published">{textOf(useAtomValue(nes.subscription(path)), ({ message }) => message)}</output>
)

export const Item = ({ path }: { readonly path: string }) => {
  const status = useAtomValue(nes.status)
  const item = useAtomValue(nes.query(path, { reactivityKeys: [path] }))
  const change = useAtomSet(nes.mutation)
  const [isLive, setLive] = useState(true)
  return (
    <main>
      <output aria-label="Connection">{textOf(status, ({ _tag }) => _tag)}</output>
      <output aria-label="Item">{textOf(item, ({ payload }) => payload)}</output>
      {isLive && <Live path={path} />}
      <button onClick={() => change({ request: { method: "POST", path }, reactivityKeys: [path] })}>Pack</button>
      <button onClick={() => setLive(!isLive)}>Live</button>
    </main>
  )
}
