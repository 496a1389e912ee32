/** This package's plain client. */
import { Client } from "effect-nes/client"

export const connect = async (url) => {
  const client = new Client(url)
  await client.connect({ reconnect: false })
  return {
    subscribe: (path, onUpdate) => client.subscribe(path, onUpdate),
    request: (path) => client.request(path)
  }
}
