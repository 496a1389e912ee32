/** The way to Redis: a single server (or one behind a proxy), the master that Sentinel names, or a Redis Cluster. */
import { createClient, createCluster, type RedisClientOptions } from "@redis/client"
import { setTimeout as sleep } from "node:timers/promises"
import type { Observer } from "../cluster/Engine.js"

/** Where Redis is; `Secret` is what may hold a password. */
export interface Address<Secret = string> {
  /** `redis[s]://[[username][:password]@]host[:port][/database]`; of a cluster, any of its nodes, or several. */
  readonly url?: Secret | ReadonlyArray<Secret> | undefined
  /** Whether it is a Redis Cluster: then pub/sub is sharded (Redis 7, Valkey). Default: `false`. */
  readonly cluster?: boolean | undefined
  /** Instead of `url`: the addresses of Sentinels, as urls, which know where the master is. */
  readonly sentinels?: ReadonlyArray<Secret> | undefined
  /** What the Sentinels call the master. */
  readonly name?: string | undefined
  /** Options of `@redis/client` for every connection, such as `username`, `password`, or `socket` with those of TLS. */
  readonly client?:
    | Pick<RedisClientOptions, "username" | "credentialsProvider" | "socket"> & { readonly password?: Secret }
    | undefined
}

/** A connection. Nothing is queued while it is down: what is asked then fails. */
export interface RedisConnection {
  readonly isUp: boolean
  /** The command that publishes to channels as this connection subscribes to them. */
  readonly publish: "PUBLISH" | "SPUBLISH"
  /** Whether one command may have keys of any number of paths. */
  readonly spans: boolean
  /** Runs a command on the server that has `key`. */
  readonly command: (key: string, args: Array<string>) => Promise<unknown>
  readonly subscribe: (channels: ReadonlyArray<string>) => Promise<void>
  readonly unsubscribe: (channels: ReadonlyArray<string>) => Promise<void>
  /** The server says that it is no master: another may have taken its place. */
  readonly demoted: () => void
  /** Ends when what was asked before is done, or cannot be in a reasonable time. */
  readonly close: () => Promise<void>
}

// How long a closing connection waits for Redis (ms).
const closingGrace = 1_000

// How often Sentinel is asked where the master is, and how long a demoted server is left alone (ms).
const watching = 1_000

const ignore = (): void => {}

// The wait before the n-th attempt to reconnect (ms): 50, 100, 200, … up to 2 seconds, each a random part shorter, so
// that nodes that lost the same server do not come back all at once.
const backoff = (attempt: number): number => Math.min(50 * 2 ** attempt, 2_000) * (0.5 + Math.random() / 2)

const within = async <A>(work: Promise<A>, timeout: number): Promise<A> => {
  const late = new AbortController()
  try {
    return await Promise.race([
      work,
      sleep(timeout, undefined, { signal: late.signal, ref: false })
        .then(() => Promise.reject(new Error("Redis does not answer")))
    ])
  } finally {
    late.abort()
  }
}

// Redis answers in order: whoever has its answer to a last ping has been heard.
const farewell = (ping: Promise<unknown>): Promise<unknown> => within(ping, closingGrace).catch(ignore)

const settings = ({ client }: Address, timeout: number) => ({
  ...client,
  RESP: 2 as const,
  disableOfflineQueue: true,
  // A user with the least rights may not, and nobody needs it.
  disableClientInfo: true,
  maintNotifications: "disabled" as const,
  socket: { connectTimeout: timeout, ...client?.socket }
})

type Client = ReturnType<typeof makeClient>

const makeClient = (address: Address, url: string | undefined, timeout: number) => {
  const { socket, ...options } = settings(address, timeout)
  return createClient({
    ...options,
    ...(url === undefined ? undefined : { url }),
    // A timer for each command: what is silent for too long is given up with all that waits for it.
    commandOptions: { timeout: 0 },
    socket: { ...socket, reconnectStrategy: false }
  })
}

/** One connection, made anew for as long as it is wanted. */
class Line {
  client: Client | undefined
  url: string | undefined
  private closed = false
  private attempt = 0
  private drop: ((error: unknown) => void) | undefined
  private readonly closing = new AbortController()

  constructor(
    private readonly locate: () => Promise<string | undefined>,
    private readonly make: (url: string | undefined) => Client,
    private readonly timeout: number,
    private readonly ready: () => void,
    private readonly lost: (error: unknown) => void
  ) {
    void this.run()
  }

  /** Gives the connection up, and makes another. */
  restart(error: unknown): void {
    this.drop?.(error)
  }

  close(): void {
    this.closed = true
    this.closing.abort()
    this.drop?.(undefined)
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      await this.hold().catch((error: unknown) => this.closed || this.lost(error))
      this.client = undefined
      if (!this.closed) {
        await sleep(backoff(this.attempt++), undefined, { signal: this.closing.signal }).catch(ignore)
      }
    }
  }

  // Ends when the connection does, which is always a failure.
  private async hold(): Promise<void> {
    this.url = await within(this.locate(), this.timeout)
    const client = this.make(this.url)
    const ended = new Promise<never>((_, reject) => {
      this.drop = reject
      client.on("error", reject)
    })
    ended.catch(ignore)
    try {
      await Promise.race([within(client.connect(), this.timeout), ended])
      if (!this.closed) {
        this.client = client
        this.attempt = 0
        this.ready()
        await Promise.race([ended, this.watch(client)])
      }
    } finally {
      this.drop = undefined
      client.destroy()
    }
  }

  // A server that accepts but does not answer is away, too. Whatever else is written to it meanwhile.
  private async watch(client: Client): Promise<never> {
    for (;;) {
      await within(client.ping(), this.timeout)
      await sleep(this.timeout / 3, undefined, { signal: this.closing.signal, ref: false })
    }
  }
}

const transport = ({ client }: Address): Address => client?.socket ? { client: { socket: client.socket } } : {}

// Where the master is, by what the Sentinels say; always the same without them.
const locator = (address: Address, timeout: number, found: (url: string) => void) => {
  const { name = "", sentinels } = address
  if (!sentinels) {
    const url = typeof address.url === "string" ? address.url : address.url?.[0]
    return { locate: () => Promise.resolve(url), close: ignore }
  }
  const scheme = sentinels.some((url) => url.startsWith("rediss:")) ? "rediss" : "redis"
  // Their credentials, if they have any, are in their urls.
  const lines = sentinels.map((url) =>
    new Line(() => Promise.resolve(url), () => makeClient(transport(address), url, timeout), timeout, ignore, ignore)
  )
  let known: Awaited<ReturnType<typeof ask>> | undefined
  // Not all hear of a change at once: the newest counts, also when who knows it does not answer. A master that has just
  // come back, empty, is still one to some.
  const locate = async (): Promise<string> => {
    const answers = await Promise.allSettled(lines.map((line) => ask(line.client, name, timeout)))
    const masters = answers.flatMap((answer) => answer.status === "fulfilled" ? [answer.value] : [])
    const newest = masters.toSorted((a, b) => b.epoch - a.epoch)[0]
    if (!newest) {
      throw answers.find((answer) => answer.status === "rejected")?.reason ?? new Error("There is no Sentinel")
    }
    if (!known || newest.epoch >= known.epoch) {
      known = newest
    }
    const { host, port } = known
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`
  }
  const watch = setInterval(() => void locate().then(found, ignore), watching)
  watch.unref()
  return {
    locate,
    close: () => {
      clearInterval(watch)
      lines.forEach((line) => line.close())
    }
  }
}

const ask = async (client: Client | undefined, name: string, timeout: number) => {
  if (!client) {
    throw new Error("Not connected to a Sentinel")
  }
  const answer: unknown = await within(client.sendCommand(["SENTINEL", "master", name]), timeout)
  const fields = Array.isArray(answer) ? answer.map(String) : []
  const field = (key: string): string => fields[fields.indexOf(key) + 1] ?? ""
  return { host: field("ip"), port: field("port"), epoch: Number(field("config-epoch")) }
}

const single = (address: Address, timeout: number, observer: Observer): RedisConnection => {
  // Whoever looked for the master first, both must be with it: one would hear it, and the other write elsewhere.
  const { locate, close } = locator(
    address,
    timeout,
    (url) => [commands, subscriber].some((line) => line.client && line.url !== url) && moved()
  )
  let closed = false
  let suspected = 0
  const make = (url: string | undefined): Client => makeClient(address, url, timeout)
  const ready = (): void => {
    if (connection.isUp && !closed) {
      observer.up()
    }
  }
  const lost = (error: unknown): void => {
    if (!closed) {
      observer.down(error)
    }
  }
  const commands = new Line(locate, make, timeout, ready, lost)
  const subscriber = new Line(locate, make, timeout, ready, lost)
  const moved = (): void => {
    const error = new Error("Redis has another master")
    commands.restart(error)
    subscriber.restart(error)
  }
  const client = (line: Line): Client => {
    if (!line.client) {
      throw new Error("Not connected to Redis")
    }
    return line.client
  }
  // Whether the address leads to a master by now, asked of a connection of its own: this one stays if it does not.
  const probe = async (): Promise<void> => {
    const candidate = make(await locate())
    candidate.on("error", ignore)
    try {
      await within(candidate.connect(), timeout)
      const [role] = await within(candidate.sendCommand(["ROLE"]), timeout) as unknown as ReadonlyArray<unknown>
      if (String(role) === "master") {
        moved()
      }
    } finally {
      candidate.destroy()
    }
  }
  const connection: RedisConnection = {
    get isUp() {
      return commands.client !== undefined && subscriber.client !== undefined && commands.url === subscriber.url
    },
    publish: "PUBLISH",
    spans: true,
    command: async (_, args) => client(commands).sendCommand(args),
    subscribe: async (channels) => client(subscriber).subscribe([...channels], observer.heard),
    unsubscribe: async (channels) => client(subscriber).unsubscribe([...channels], observer.heard),
    demoted: () => {
      const now = performance.now()
      if (now - suspected > watching) {
        suspected = now
        probe().catch(ignore)
      }
    },
    close: async () => {
      closed = true
      if (commands.client && connection.isUp) {
        await farewell(commands.client.ping())
      }
      close()
      commands.close()
      subscriber.close()
    }
  }
  return connection
}

const clustered = (address: Address, timeout: number, observer: Observer): RedisConnection => {
  const urls = typeof address.url === "string" ? [address.url] : address.url ?? []
  const { socket, ...options } = settings(address, timeout)
  const cluster = createCluster({
    rootNodes: urls.map((url) => ({ url })),
    RESP: 2,
    defaults: {
      ...options,
      pingInterval: Math.ceil(timeout / 3),
      socket: { socketTimeout: timeout, ...socket, reconnectStrategy: backoff }
    }
  })
  let closed = false
  let found = false
  let up = false
  let attempt = 0
  let retry: NodeJS.Timeout | undefined
  // Every server that holds a part of the keys must answer: the library finds those that take the place of others.
  const probe = async (): Promise<void> => {
    const answers = cluster.masters.map(async (master) => (await cluster.nodeClient(master)).ping())
    await within(Promise.all(answers), timeout)
  }
  const seek = (): void => {
    retry ??= setTimeout(() => {
      const sought = found ? probe() : cluster.connect().then(() => {
        found = true
      })
      sought.then(() => {
        retry = undefined
        if (!closed) {
          up = true
          attempt = 0
          observer.up()
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
  const watch = setInterval(() => {
    if (up) {
      probe().catch(down)
    }
  }, timeout / 2)
  watch.unref()
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
    spans: false,
    command: (key, args) => cluster.sendCommand(key, false, args),
    subscribe: async (channels) => {
      await Promise.all(channels.map((channel) => cluster.sSubscribe(channel, observer.heard)))
    },
    unsubscribe: async (channels) => {
      await Promise.all(channels.map((channel) => cluster.sUnsubscribe(channel, observer.heard)))
    },
    demoted: ignore,
    close: async () => {
      closed = true
      clearTimeout(retry)
      clearInterval(watch)
      if (up) {
        await farewell(probe())
      }
      if (cluster.isOpen) {
        cluster.destroy()
      }
    }
  }
}

/** Opens a connection, which comes back by itself. `timeout` (ms) is how long a server may be silent. */
export const open = (address: Address, timeout: number, observer: Observer): RedisConnection =>
  address.cluster ? clustered(address, timeout, observer) : single(address, timeout, observer)
