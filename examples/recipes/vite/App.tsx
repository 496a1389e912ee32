/** A component that shows what is published. */
import { useIsConnected, useSubscription } from "../react/Nes.js"

export const App = () => {
  const isConnected = useIsConnected()
  const item = useSubscription("/item/5")
  return (
    <main>
      <p id="state">{isConnected ? "connected" : "not connected"}</p>
      <p id="item">{JSON.stringify(item) ?? "nothing yet"}</p>
    </main>
  )
}
