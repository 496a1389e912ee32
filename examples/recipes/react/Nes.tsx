/** One connection for all components of a React application, and hooks that read from it. */
import type { Client } from "effect-nes/client"
import { createContext, type ReactNode, useContext, useEffect, useState } from "react"

const Connection = createContext<{ readonly client: Client; readonly isConnected: boolean } | undefined>(undefined)

const useConnection = () => {
  const connection = useContext(Connection)
  if (!connection) {
    throw new Error("There is no <NesProvider> around this component")
  }
  return connection
}

/**
 * Connects a client while it is mounted. StrictMode mounts, unmounts and mounts again: `connect` waits for the
 * `disconnect` before it. A page that goes into the back/forward cache lets go of its connection, and comes back with it.
 */
export const NesProvider = ({ children, client }: { readonly children: ReactNode; readonly client: Client }) => {
  const [isConnected, setConnected] = useState(false)
  useEffect(() => {
    const connect = (): void => void client.connect()
    const disconnect = (): void => void client.disconnect()
    const returned = ({ persisted }: PageTransitionEvent): void => {
      if (persisted) {
        connect()
      }
    }
    client.onConnect = () => setConnected(true)
    client.onDisconnect = () => setConnected(false)
    addEventListener("pagehide", disconnect)
    addEventListener("pageshow", returned)
    connect()
    return () => {
      removeEventListener("pagehide", disconnect)
      removeEventListener("pageshow", returned)
      disconnect()
    }
  }, [client])
  return <Connection value={{ client, isConnected }}>{children}</Connection>
}

/** The client, for requests and messages. */
export const useClient = (): Client => useConnection().client

/** Whether there is a connection now. */
export const useIsConnected = (): boolean => useConnection().isConnected

/** The last update of a path; subscribed to while the component is mounted. */
export const useSubscription = (path: string): unknown => {
  const client = useClient()
  const [last, setLast] = useState<unknown>()
  useEffect(() => {
    const handler = (message: unknown): void => setLast(message)
    void client.subscribe(path, handler)
    return () => void client.unsubscribe(path, handler)
  }, [client, path])
  return last
}
