/** How long a frame may be, so that what is somewhat too large for a route is answered 413. */
import type { RequestRoute, Server } from "@hapi/hapi"
import * as LimitSettings from "../server/LimitSettings.js"

// hapi's own default, which also bounds custom messages where no route takes a payload.
const least = 1_048_576

// A route that takes no payload has no settings for it, whatever hapi's types say.
const maxBytesOf = ({ settings }: RequestRoute): number =>
  (settings.payload as { readonly maxBytes?: number } | null | undefined)?.maxBytes ?? 0

/**
 * The largest payload limit of all routes, those declared later included, and room for the message around it; in bytes.
 */
export const follow = (server: Server): () => number => {
  let largest = Math.max(least, ...server.table().map(maxBytesOf))
  server.events.on("route", (route) => {
    largest = Math.max(largest, maxBytesOf(route))
  })
  return () => largest + LimitSettings.envelopeBytes
}
