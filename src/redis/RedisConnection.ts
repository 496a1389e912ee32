/** The way to Redis: a single server (or one behind a proxy), the master that Sentinel names, or a Redis Cluster. */
import { createClient, createCluster, type RedisClientOptions } from "@redis/client"
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises"
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
  /** Whether each path has a server: no command may have keys of several, and its channel is published to there. */
  readonly isSharded: boolean
  /** Runs a command on the server that has `key`. */
  readonly command: (key: string, args: Array<string>) => Promise<unknown>
  readonly subscribe: (channels: ReadonlyArray<string>) => Promise<void>
  readonly unsubscribe: (channels: ReadonlyArray<string>) => Promise<void>
  /** The server says that it is no master: another may have taken its place. */
  readonly demoted?: () => void
  readonly close: () => Promise<void>
}

// How long a closing connection waits for Redis (ms).
const closingGrace = 1_000

// How often Sentinel is asked where the master is, and how long a demoted server is left alone (ms).
const watching = 1_000

// How long Sentinels that only have older news than was heard before are not believed (ms): they hear of changes within
// two seconds. Who has older news for longer was set up anew, and counts from the beginning.
const doubt = 10_000

// How long other Sentinels are waited for when one has answered (ms): one may be silent, as on a machine that is gone.
const patience = 100

const ignore = (): void => {}

// The wait before the n-th attempt to reconnect (ms): 50, 100, 200, … up to 2 seconds, each a random part shorter, so
// that nodes that lost the same server do not come back all at once.
const backoff = (attempt: number): number => Math.min(50 * 2 ** attempt, 2_000) * (0.5 + Math.random() / 2)

// An answer that came while this process was held up is read before it counts as missing.
const within = async <A>(work: Promise<A>, timeout: number): Promise<A> => {
  const late = new AbortController()
  try {
    return await Promise.race([
      work,
      sleep(timeout, undefined, { signal: late.signal, ref: false })
        .then(() => turn())
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

// What comes back by itself, and takes a server that is silent for one that is away.
const lasting = (address: Address, timeout: number) => {
  const { socket, ...options } = settings(address, timeout)
  return {
    ...options,
    pingInterval: Math.ceil(timeout / 3),
    socket: { socketTimeout: timeout, ...socket, reconnectStrategy: backoff }
  }
}

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

type Ping = () => Promise<unknown>

/** What is held until it fails, and then again, for as long as it is wanted. */
class Line {
  isUp = false
  /** Gives up what is held. */
  fail: (error: unknown) => void = ignore
  private attempt = 0
  private readonly closing = new AbortController()

  constructor(
    private readonly timeout: number,
    private readonly observer: Observer,
    /** Makes the connection, and holds it by `stay` until that fails, or `failed` does. */
    private readonly hold: (failed: Promise<never>, stay: (ping: Ping) => Promise<never>) => Promise<never>
  ) {
    void this.run()
  }

  private get isClosed(): boolean {
    return this.closing.signal.aborted
  }

  close(): void {
    this.closing.abort()
    this.fail(new Error("Closed"))
  }

  private async run(): Promise<void> {
    while (!this.isClosed) {
      const failed = new Promise<never>((_, reject) => {
        this.fail = reject
      })
      failed.catch(ignore)
      await this.hold(failed, (ping) => Promise.race([failed, this.stay(ping)])).catch((error: unknown) =>
        this.isClosed || this.observer.down(error)
      )
      this.isUp = false
      await sleep(backoff(this.attempt++), undefined, { signal: this.closing.signal }).catch(ignore)
    }
  }

  // A server that accepts but does not answer is away, too. Whatever else is written to it meanwhile.
  private async stay(ping: Ping): Promise<never> {
    this.isUp = true
    this.attempt = 0
    this.observer.up()
    for (;;) {
      await within(ping(), this.timeout)
      await sleep(this.timeout / 3, undefined, { signal: this.closing.signal, ref: false })
    }
  }
}

const transport = ({ client }: Address): Address => client?.socket ? { client: { socket: client.socket } } : {}

const textsOf = (answer: unknown): ReadonlyArray<string> => Array.isArray(answer) ? answer.map(String) : []

// Where the master is, by what the Sentinels say; always the same without them.
const locator = (address: Address, timeout: number, found: (url: string) => void) => {
  const { name = "", sentinels } = address
  if (!sentinels) {
    const url = typeof address.url === "string" ? address.url : address.url?.[0]
    return { locate: () => Promise.resolve(url), close: ignore }
  }
  const scheme = sentinels.some((url) => url.startsWith("rediss:")) ? "rediss" : "redis"
  // Their credentials, if they have any, are in their urls.
  const clients = sentinels.map((url) => createClient({ ...lasting(transport(address), timeout), url }))
  clients.forEach((client) => client.on("error", ignore))
  const connecting = clients.map((client) => client.connect().catch(ignore))
  const ask = async (client: (typeof clients)[number], n: number) => {
    if (!client.isReady) {
      await Promise.race([connecting[n], sleep(timeout / 2, undefined, { ref: false })])
    }
    if (!client.isReady) {
      throw new Error("Not connected to a Sentinel")
    }
    // Whoever moves on to another master has the old one's address beside the new epoch until all replicas follow; asked
    // for the address alone, it gives the new one's.
    const [address, about] = await within(
      Promise.all(["get-master-addr-by-name", "master"].map((word) => client.sendCommand(["SENTINEL", word, name]))),
      timeout
    )
    const [host = "", port = ""] = textsOf(address)
    const fields = textsOf(about)
    return { host, port, epoch: Number(fields[fields.indexOf("config-epoch") + 1]) }
  }
  let known: Awaited<ReturnType<typeof ask>> | undefined
  let doubtedAt: number | undefined
  // Not all hear of a change at once: the newest counts, also when who knows it does not answer. A master that has just
  // come back, empty, is still one to some.
  const locate = async (): Promise<string> => {
    const masters: Array<Awaited<ReturnType<typeof ask>>> = []
    const asking = clients.map(async (client, n) => void masters.push(await ask(client, n)))
    await Promise.any(asking).catch(({ errors }: AggregateError) => {
      throw errors[0]
    })
    await Promise.race([Promise.allSettled(asking), sleep(patience, undefined, { ref: false })])
    const newest = masters.toSorted((a, b) => b.epoch - a.epoch)[0]!
    const now = performance.now()
    doubtedAt = known && newest.epoch < known.epoch ? doubtedAt ?? now : undefined
    known = known && doubtedAt !== undefined && now - doubtedAt < doubt ? known : newest
    const { host, port } = known
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`
  }
  const watch = setInterval(() => void locate().then(found, ignore), watching)
  watch.unref()
  return {
    locate,
    close: () => {
      clearInterval(watch)
      clients.forEach(discard)
    }
  }
}

// One that is still being opened has no socket yet that the library could close, and would be open afterwards.
const discard = (client: Client): void => {
  client.on("connect", () => client.destroy())
  client.destroy()
}

const elsewhere = (): Error => new Error("Redis has another master")

const single = (address: Address, timeout: number, observer: Observer): RedisConnection => {
  const { locate, close } = locator(address, timeout, (url) => line.isUp && url !== at && moved())
  let at: string | undefined
  let suspected = 0
  let pair: readonly [commands: Client, subscriber: Client] | undefined
  const make = (url: string | undefined): Client => makeClient(address, url, timeout)
  const pings = (clients: ReadonlyArray<Client>) => Promise.all(clients.map((client) => client.ping()))
  const enter = async (clients: ReadonlyArray<Client>): Promise<void> => {
    await Promise.all(clients.map((client) => client.connect()))
    if (address.sentinels) {
      // One that was frozen answers those who have waited, though another has taken its place.
      await pings(clients)
      if (await locate() !== at) {
        throw elsewhere()
      }
    }
  }
  // Both with the same server: one would hear it, and the other write elsewhere.
  const line = new Line(timeout, observer, async (failed, stay) => {
    at = await within(locate(), timeout)
    const clients = [make(at), make(at)] as const
    clients.forEach((client) => client.on("error", line.fail))
    try {
      await Promise.race([within(enter(clients), timeout), failed])
      pair = clients
      return await stay(() => pings(clients))
    } finally {
      pair = undefined
      clients.forEach(discard)
    }
  })
  const moved = (): void => line.fail(elsewhere())
  const connected = () => {
    if (!pair) {
      throw new Error("Not connected to Redis")
    }
    return pair
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
      discard(candidate)
    }
  }
  return {
    get isUp() {
      return line.isUp
    },
    isSharded: false,
    command: async (_, args) => connected()[0].sendCommand(args),
    subscribe: async (channels) => connected()[1].subscribe([...channels], observer.heard),
    unsubscribe: async (channels) => connected()[1].unsubscribe([...channels], observer.heard),
    demoted: () => {
      const now = performance.now()
      if (now - suspected > watching) {
        suspected = now
        probe().catch(ignore)
      }
    },
    close: async () => {
      if (pair) {
        await farewell(pair[0].ping())
      }
      close()
      line.close()
    }
  }
}

const clustered = (address: Address, timeout: number, observer: Observer): RedisConnection => {
  const urls = typeof address.url === "string" ? [address.url] : address.url ?? []
  const cluster = createCluster({
    rootNodes: urls.map((url) => ({ url })),
    RESP: 2,
    defaults: lasting(address, timeout)
  })
  // Every server that holds a part of the keys must answer: the library finds those that take the place of others.
  const probe: Ping = () =>
    Promise.all(cluster.masters.map(async (master) => (await cluster.nodeClient(master)).ping()))
  let found = false
  const line = new Line(timeout, observer, async (_, stay) => {
    await (found ? within(probe(), timeout) : cluster.connect())
    found = true
    return stay(probe)
  })
  const failed = (error: unknown): void => line.isUp ? line.fail(error) : undefined
  cluster.on("error", failed)
  cluster.on("node-error", failed)
  cluster.on("node-ready", () => line.isUp && observer.up())
  return {
    get isUp() {
      return line.isUp
    },
    isSharded: true,
    command: (key, args) => cluster.sendCommand(key, false, args),
    subscribe: async (channels) => {
      await Promise.all(channels.map((channel) => cluster.sSubscribe(channel, observer.heard)))
    },
    unsubscribe: async (channels) => {
      await Promise.all(channels.map((channel) => cluster.sUnsubscribe(channel, observer.heard)))
    },
    close: async () => {
      if (line.isUp) {
        await farewell(probe())
      }
      line.close()
      if (cluster.isOpen) {
        cluster.destroy()
      }
    }
  }
}

/** Opens a connection, which comes back by itself. `timeout` (ms) is how long a server may be silent. */
export const open = (address: Address, timeout: number, observer: Observer): RedisConnection =>
  address.cluster ? clustered(address, timeout, observer) : single(address, timeout, observer)
