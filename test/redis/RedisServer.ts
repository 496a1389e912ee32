/** A real `redis-server`, or `valkey-server`, on a free port of the loopback interface, with a directory of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { randomInt } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

export type Program = "redis-server" | "valkey-server"

/** What the tests run on unless they say something else: `REDIS_SERVER=valkey-server` has all run on that. */
export const usual: Program = process.env.REDIS_SERVER === "valkey-server" ? "valkey-server" : "redis-server"

const found = (program: Program): boolean => {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** The servers that are tested: Redis, and Valkey wherever it is on the machine. */
export const programs = (): ReadonlyArray<
  Program
> => ["redis-server", ...(found("valkey-server") ? ["valkey-server"] as const : [])]

/** Installs `redis-server` from the system's packages where it is missing; throws what to do where it cannot. */
export const install = (user = process.getuid?.()): void => {
  if (found("redis-server")) {
    return
  }
  if (user !== 0) {
    throw new Error("These tests need redis-server: install it, as with `apt-get install redis-server`")
  }
  try {
    const options = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const
    execFileSync("apt-get", ["update", "-qq"], options)
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "redis-server"], options)
  } catch (cause) {
    throw new Error("These tests need redis-server, and `apt-get install redis-server` failed", { cause })
  }
}

/** A port on which nothing listens, and which no system gives away by itself, not even while it is not listened on. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 10_000 + randomInt(20_000)
    const server = createServer().listen(port, "127.0.0.1")
    const isFree = await once(server, "listening").then(() => true, () => false)
    if (isFree) {
      server.close()
      await once(server, "close")
      return port
    }
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"))
    socket.setTimeout(500, () => socket.destroy())
    socket.on("data", (data) => {
      resolve(data.toString().startsWith("+PONG"))
      socket.destroy()
    })
    socket.on("error", () => resolve(false))
    socket.on("close", () => resolve(false))
  })

export interface RedisOptions {
  readonly program?: Program
  /** Whether everything confirmed is on disk, or nothing at all. */
  readonly durable?: boolean
  readonly cluster?: boolean
  /** The part of a cluster's slots that this server has: all by default. */
  readonly slots?: readonly [first: number, last: number]
  /** The server of a cluster whose copy this one is. */
  readonly replicaOf?: RedisServer
}

export class RedisServer {
  #child: ChildProcess | undefined

  private constructor(readonly port: number, readonly directory: string, private readonly options: RedisOptions) {}

  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    install()
    const redis = new RedisServer(await freePort(), mkdtempSync(join(tmpdir(), "effect-nes-redis-")), options)
    await redis.start()
    if (options.replicaOf) {
      await redis.follow(options.replicaOf)
    } else if (options.cluster) {
      const { slots = [0, 16_383] } = options
      redis.run("cluster", "addslotsrange", String(slots[0]), String(slots[1]))
      if (!options.slots) {
        await redis.complete()
      }
    }
    return redis
  }

  /** Servers that have all slots among them, made one cluster. */
  static async startCluster(count: number): Promise<ReadonlyArray<RedisServer>> {
    const share = Math.ceil(16_384 / count)
    const servers: Array<RedisServer> = []
    for (let n = 0; n < count; n++) {
      const slots = [n * share, Math.min((n + 1) * share, 16_384) - 1] as const
      servers.push(await RedisServer.start({ cluster: true, slots }))
    }
    const [first, ...others] = servers
    for (const other of others) {
      other.meet(first ?? other)
    }
    await Promise.all(servers.map((server) => server.complete()))
    return servers
  }

  private meet(other: RedisServer): void {
    const bus = /@(\d+)/.exec(other.run("cluster", "nodes"))?.[1] ?? ""
    this.run("cluster", "meet", "127.0.0.1", String(other.port), bus)
  }

  private async complete(): Promise<void> {
    await this.says("cluster_state:ok", "cluster", "info")
  }

  private async follow(master: RedisServer): Promise<void> {
    this.meet(master)
    const id = master.run("cluster", "myid")
    await this.says(id, "cluster", "nodes")
    await this.says("OK", "cluster", "replicate", id)
    await this.says("master_link_status:up", "info", "replication")
    await master.says("slave", "cluster", "nodes")
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it, again if it was killed; ends when it answers. */
  async start(): Promise<void> {
    const { cluster, durable, program = usual } = this.options
    const child = spawn(program, [
      ...["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.directory, "--save", ""],
      // Otherwise a replica waits for others before it is in step, for longer than Sentinels wait for its master.
      "--repl-diskless-sync-delay",
      "0",
      ...(durable ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"]),
      ...(cluster ? ["--cluster-enabled", "yes", "--cluster-port", String(await freePort())] : [])
    ], { stdio: "ignore" })
    this.#child = child
    while (!await answers(this.port)) {
      if (child.exitCode !== null) {
        throw new Error(`${program} ended with code ${child.exitCode}`)
      }
      await sleep(20)
    }
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL")
      await once(child, "exit")
    }
  }

  /** Holds it up: connections stay open, nothing is answered. */
  freeze(): void {
    this.#child?.kill("SIGSTOP")
  }

  thaw(): void {
    this.#child?.kill("SIGCONT")
  }

  /** Runs a command by redis-cli. */
  run(...args: ReadonlyArray<string>): string {
    return this.ask(String(this.port), ...args)
  }

  /**
   * Runs a command until its answer contains a text; a server that is promoted drops its connections. Each run is a
   * process: often would cost what is waited for its time.
   */
  async says(text: string, ...args: ReadonlyArray<string>): Promise<void> {
    for (;;) {
      try {
        if (this.run(...args).includes(text)) {
          return
        }
      } catch {
        // It is asked again.
      }
      await sleep(40)
    }
  }

  /** Runs a command on another server. */
  ask(port: string, ...args: ReadonlyArray<string>): string {
    return execFileSync("redis-cli", ["-p", port, ...args], { encoding: "utf8" }).trim()
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.directory, { recursive: true, force: true })
  }
}
