/**
 * A service worker that holds one connection for all pages of the site. The browser may end it whenever it is idle, and
 * starts it again for the next message of a page: whatever a page wants to hear, it says each time it looks again.
 */
import { Client } from "./client.js"

const client = new Client(`${self.location.protocol.replace("http", "ws")}//${self.location.host}`)
const handlers = new Map()

const connected = () => client.isConnected ? Promise.resolve() : client.connect({ reconnect: true }).catch(() => {})

/** Hands an update to every page; they know which paths they want. */
const publish = async (path, message) => {
  for (const page of await self.clients.matchAll()) {
    page.postMessage({ path, message }, [])
  }
}

const subscribe = async (path) => {
  if (!handlers.has(path)) {
    const handler = (message) => void publish(path, message)
    handlers.set(path, handler)
    await client.subscribe(path, handler)
  }
  await connected()
}

self.addEventListener("install", () => self.skipWaiting())
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()))
self.addEventListener("message", (event) => {
  const { path, request } = event.data
  const answer = (data) => event.ports[0]?.postMessage(data)
  event.waitUntil(
    (request === undefined
      ? subscribe(path).then(() => answer({ subscribed: path }))
      : connected().then(() => client.request(request)).then(answer))
      .catch(({ message }) => answer({ error: message }))
  )
})
