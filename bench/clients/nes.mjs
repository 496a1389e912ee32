/** `@hapi/nes` 14's client. */
import Nes from "@hapi/nes"

export const connect = async (url) => {
  const client = new Nes.Client(url)
  await client.connect({ reconnect: false })
  return {
    subscribe: (path, onUpdate) => client.subscribe(path, onUpdate),
    request: (path) => client.request(path)
  }
}
