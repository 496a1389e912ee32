"use client"
/** A client component: it subscribes in the browser, and is rendered without a connection on the server. */
import { Client } from "effect-nes/client"
import { useState } from "react"
import { NesProvider, useIsConnected, useSubscription } from "./Nes"

const Item = () => {
  const isConnected = useIsConnected()
  const item = useSubscription("/item/5")
  return (
    <section>
      <p id="state">{isConnected ? "connected" : "not connected"}</p>
      <p id="item">{JSON.stringify(item) ?? "nothing yet"}</p>
    </section>
  )
}

const address = () =>
  typeof location === "undefined" ? "ws://localhost/nes" : `${location.origin.replace("http", "ws")}/nes`

export const Live = () => {
  // Nothing connects before it is mounted, which a server never does.
  const [client] = useState(() => new Client(address()))
  return (
    <NesProvider client={client}>
      <Item />
    </NesProvider>
  )
}
