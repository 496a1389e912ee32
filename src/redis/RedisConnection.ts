/**
 * The way to Redis: what the broker needs of a client library, on a single server (or one behind a proxy) and on a Redis
 * Cluster.
 *
 * Commands and subscriptions have connections of their own: a subscriber that is too slow loses only its own.
 *
 * @since 0.1.0
 */
import { createClient, createCluster, type RedisClientOptions } from "@redis/client"
import { setTimeout as sleep } from "node:timers/promises"

/**
 * Where Redis is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Address {
  /** `redis[s]://[[username][:password]@]host[:port][/database]`; of a cluster, any of its nodes, or several. */
  readonly url: string | ReadonlyArray<string>
  /** Whether it is a Redis Cluster: then pub/sub is sharded (Redis 7, Valkey). Default: `false`. */
  readonly cluster?: boolean | undefined
  /** Options of `@redis/client` for every connection, such as `username`, `password`, or `socket` with those of TLS. */
  readonly client?: Pick<RedisClientOptions, "username" | "password" | "credentialsProvider" | "socket"> | undefined
}

/**
 * Hears of a link.
 *
 * @since 0.1.0
 * @category models
 */
export interface Observer {
  /** Connected, or again: everything subscribed to is subscribed to, but something may have been missed. */
  readonly up: () => void
  readonly down: (error: unknown) => void
}

/**
 * Receives what is published to a channel.
 *
 * @since 0.1.0
 * @category models
 */
export type Listener = (payload: string, channel: string) => void

/**
 * A link. Nothing is queued while it is down: what is asked then fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisConnection {
  readonly isUp: boolean
  /** The command that publishes to channels as this link subscribes to them. */
  readonly publish: "PUBLISH" | "SPUBLISH"
  /** Runs a command on the server that has `key`. */
  readonly command: (key: string, args: ReadonlyArray<string>) => Promise<unknown>
  readonly subscribe: (channel: string, listener: Listener) => Promise<void>
  readonly unsubscribe: (channel: string, listener: Listener) => Promise<void>
  /** Ends when what was asked before is done, or cannot be in a reasonable time. */
  readonly close: () => Promise<void>
}

// How long a closing link waits for Redis (ms).
const closingGrace = 1_000

// Redis answers in order: whoever has its answer to a last ping has been heard.
const farewell = async (ping: Promise<unknown>): Promise<void> => {
  await Promise.race([ping.catch(ignore), sleep(closingGrace, undefined, { ref: false })])
}

const ignore = (): void => {}

// The wait before the n-th attempt to reconnect (ms): 50, 100, 200, … up to 2 seconds, each a random part shorter, so
// that nodes that lost the same server do not come back all at once.
const backoff = (attempt: number): number => Math.min(50 * 2 ** attempt, 2_000) * (0.5 + Math.random() / 2)

const settings = ({ client }: Address, timeout: number) => ({
  ...client,
  RESP: 2 as const,
  disableOfflineQueue: true,
  maintNotifications: "disabled" as const,
  // A server that accepts but does not answer is away, too.
  pingInterval: Math.ceil(timeout / 3),
  socket: { connectTimeout: timeout, socketTimeout: timeout, ...client?.socket, reconnectStrategy: backoff }
})

const single = (address: Address, timeout: number, observer: Observer): RedisConnection => {
  const [url] = typeof address.url === "string" ? [address.url] : address.url
  const options = { ...settings(address, timeout), ...(url === undefined ? undefined : { url }) }
  const commands = createClient(options)
  const subscriber = createClient(options)
  let closed = false
  let up = false
  const isUp = (): boolean => commands.isReady && subscriber.isReady
  for (const client of [commands, subscriber]) {
    client.on("ready", () => {
      if (isUp() && !closed) {
        up = true
        observer.up()
      }
    })
    client.on("error", (error: unknown) => {
      if (!isUp() && !closed) {
        up = false
        observer.down(error)
      }
    })
    void client.connect().catch((error: unknown) => closed || observer.down(error))
  }
  return {
    get isUp() {
      return up && isUp()
    },
    publish: "PUBLISH",
    command: (_, args) => commands.sendCommand([...args]),
    subscribe: (channel, listener) => subscriber.subscribe(channel, listener),
    unsubscribe: (channel, listener) => subscriber.unsubscribe(channel, listener),
    close: async () => {
      closed = true
      if (isUp()) {
        await farewell(commands.ping())
      }
      for (const client of [commands, subscriber]) {
        if (client.isOpen) {
          client.destroy()
        }
      }
    }
  }
}

const clustered = (address: Address, timeout: number, observer: Observer): RedisConnection => {
  const urls = typeof address.url === "string" ? [address.url] : address.url
  const cluster = createCluster({
    rootNodes: urls.map((url) => ({ url })),
    RESP: 2,
    defaults: settings(address, timeout)
  })
  let closed = false
  let found = false
  let up = false
  let attempt = 0
  let retry: NodeJS.Timeout | undefined
  const rise = (): void => {
    up = true
    attempt = 0
    observer.up()
  }
  // Every server that holds a part of the keys must answer: the library finds those that take the place of others.
  const probe = async (): Promise<void> => {
    const answers = cluster.masters.map(async (master) => (await cluster.nodeClient(master)).ping())
    await Promise.race([
      Promise.all(answers),
      sleep(timeout, undefined, { ref: false }).then(() => Promise.reject(new Error("Redis does not answer")))
    ])
  }
  const seek = (): void => {
    retry ??= setTimeout(() => {
      const sought = found ? probe() : cluster.connect().then(() => {
        found = true
      })
      sought.then(() => {
        retry = undefined
        if (!closed) {
          rise()
        }
      }, (error: unknown) => {
        retry = undefined
        down(error)
      })
    }, attempt === 0 ? 0 : backoff(attempt))
  }
  const down = (error: unknown): void => {
    if (!closed) {
      up = false
      attempt++
      observer.down(error)
      seek()
    }
  }
  cluster.on("error", down)
  cluster.on("node-error", down)
  cluster.on("node-ready", () => {
    if (up) {
      observer.up()
    }
  })
  seek()
  return {
    get isUp() {
      return up
    },
    publish: "SPUBLISH",
    command: (key, args) => cluster.sendCommand(key, false, [...args]),
    subscribe: (channel, listener) => cluster.sSubscribe(channel, listener),
    unsubscribe: (channel, listener) => cluster.sUnsubscribe(channel, listener),
    close: async () => {
      closed = true
      clearTimeout(retry)
      if (up) {
        await farewell(probe())
      }
      if (cluster.isOpen) {
        cluster.destroy()
      }
    }
  }
}

/**
 * Opens a link, which reconnects by itself until it is closed. `timeout` (ms) is how long a server may be silent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (address: Address, timeout: number, observer: Observer): RedisConnection =>
  address.cluster ? clustered(address, timeout, observer) : single(address, timeout, observer)
