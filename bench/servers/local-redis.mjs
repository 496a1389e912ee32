/**
 * A server that is told what to publish through a bare subscription to a Redis: what the fan-out costs beside a Redis, but
 * without our broker. Here it is that of `local`.
 */
import { createClient } from "@redis/client"
import * as Nes from "effect-nes/hapi"
import * as Plugin from "./Plugin.mjs"

const channel = "local"

/** `feed` says that there is a node to tell; without it, this is that node. */
export const told = (make) => async ({ feed, redis: url, ...options }) => {
  const client = createClient({ url, RESP: 2 })
  await client.connect()
  if (feed !== undefined) {
    return { publish: (path, message) => client.publish(channel, JSON.stringify({ path, message })) }
  }
  const server = await make(options)
  await client.subscribe(channel, (text) => {
    const { message, path } = JSON.parse(text)
    void server.publish(path, message)
  })
  return { ...server, feed: true }
}

export const start = told((options) => Plugin.start(Nes, options))
