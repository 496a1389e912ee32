/**
 * Whoever naps: a process that is stopped (SIGSTOP, as a laptop's sleep does it) or whose loop is busy, a page that is
 * frozen. What arrives meanwhile arrives in time, and is read too late for every timer: nothing of it may be judged late.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { WebSocket, WebSocketServer } from "ws"
import { Client } from "../../src/client/Client.js"
import * as NesClient from "../../src/client/NesClient.js"
import { ChildProcess } from "../harness/ChildProcess.js"

export type Who = "Client" | "NesClient" | "server"
export type Sleep = "SIGSTOP" | "busy loop"

/** Of the server of a client that naps: a client is patient for twice the sum. */
const brisk = { interval: 150, timeout: 100 }

/** Of a server that naps with clients of ours, which may be held up themselves. */
const calm = { interval: 600, timeout: 500 }

/** Longer than whoever naps is patient (ms). */
const nap = 600

/** Longer than `calm` lets a client wait before it asks for a word. */
const longNap = 1200

export interface Figures {
  readonly naps: number
  /** Naps that say nothing: the one who was awake was itself held up, by a machine under load. They are repeated. */
  readonly repeated: number
  readonly disconnects: number
  readonly timeouts: number
  readonly faults: ReadonlyArray<string>
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const stateOf = (pid: number): string =>
  existsSync(`/proc/${pid}/stat`)
    ? readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "")
    : execFileSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" }).trim()

const until = async (done: () => boolean): Promise<void> => {
  while (!done()) {
    await after(5)
  }
}

const sent = (socket: WebSocket, message: object): Promise<void> =>
  new Promise((resolve, reject) => socket.send(JSON.stringify(message), (error) => error ? reject(error) : resolve()))

/** A sleeper in a process of its own. */
class Sleeper {
  private naps = 0

  private constructor(
    readonly child: ChildProcess,
    private readonly sleep: Sleep,
    private readonly folder: string
  ) {}

  static async start(who: Who, sleep: Sleep): Promise<Sleeper> {
    const folder = mkdtempSync(join(tmpdir(), "effect-nes-nap-"))
    const child = await ChildProcess.start(new URL("./nap.child.ts", import.meta.url), [
      who,
      sleep,
      join(folder, "alarm")
    ])
    return new Sleeper(child, sleep, folder)
  }

  /** Waits until it sleeps, and for the nap to be long; what `meanwhile` sends has arrived by the time that it wakes. */
  async sleeps(meanwhile: () => Promise<unknown>, long = nap): Promise<void> {
    const { pid } = this.child
    if (this.sleep === "SIGSTOP") {
      await until(() => stateOf(pid).startsWith("T"))
    }
    await Promise.all([meanwhile(), after(long)])
    if (this.sleep === "SIGSTOP") {
      process.kill(pid, "SIGCONT")
    } else {
      writeFileSync(join(this.folder, `alarm-${++this.naps}`), "")
    }
  }

  async stop(): Promise<void> {
    await this.child.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Whether a server has been silent for so long that its client was right. */
const wasSilent = ({ heartbeat, silence }: WakefulServer): boolean =>
  silence > 2 * (heartbeat.interval + heartbeat.timeout) - 50

/** Naps until there have been so many, each `attempt` with a client of its own, which takes as many as go well. */
export const repeat = async (
  naps: number,
  attempt: (naps: number, server: WakefulServer, faults: Array<string>) => Promise<number>
): Promise<Figures> => {
  let done = 0
  for (let repeated = 0;; repeated++) {
    const server = await WakefulServer.start()
    const faults: Array<string> = []
    try {
      done += await attempt(naps - done, server, faults)
    } finally {
      await server.stop()
    }
    if (faults.length === 0 || !wasSilent(server)) {
      return { naps: done, repeated, ...judge(faults), faults }
    }
  }
}

/** A server that a sleeping client has: it says something whenever it is to, and is never impatient. */
export class WakefulServer {
  readonly url: string
  socket: WebSocket | undefined
  /** What it tells its client. */
  heartbeat = brisk
  /** For how long at most it has said nothing since the last nap (ms). */
  silence = 0
  private spoke = Infinity
  private readonly waiting: Array<(id: unknown) => void> = []
  private readonly http = createServer()
  private readonly beat: NodeJS.Timeout
  /** What a client has to wait for before its socket opens, and before its hello is answered. */
  readonly gates = {
    upgrade: (): Promise<unknown> => Promise.resolve(),
    hello: (): Promise<unknown> => Promise.resolve()
  }

  private constructor() {
    const server = new WebSocketServer({ noServer: true })
    this.http.on("upgrade", (request, raw, head) => {
      void this.gates.upgrade().then(() => server.handleUpgrade(request, raw, head, (socket) => this.accept(socket)))
    })
    this.http.listen(0, "127.0.0.1")
    this.url = ""
    this.beat = setInterval(() => void this.say().catch(() => {}), 20)
  }

  static async start(): Promise<WakefulServer> {
    const server = new WakefulServer()
    await once(server.http, "listening")
    return Object.assign(server, { url: `ws://127.0.0.1:${(server.http.address() as AddressInfo).port}` })
  }

  private accept(socket: WebSocket): void {
    this.socket = socket
    this.spoke = performance.now()
    socket.on("message", (data) => {
      const { id, type } = JSON.parse(String(data)) as { readonly id: unknown; readonly type: string }
      if (type === "hello") {
        void this.gates.hello().then(() => sent(socket, { type, id, socket: "s", heartbeat: this.heartbeat }))
      } else if (type === "message") {
        this.waiting.shift()?.(id)
      }
    })
  }

  /** Says something that is no answer. */
  async say(): Promise<void> {
    if (this.socket?.readyState === WebSocket.OPEN) {
      const now = performance.now()
      this.silence = Math.max(this.silence, now - this.spoke)
      this.spoke = now
      await sent(this.socket, { type: "update", message: 1 })
    }
  }

  /** The id of the next message. */
  asked(): Promise<unknown> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  async answer(id: unknown): Promise<void> {
    if (this.socket?.readyState === WebSocket.OPEN) {
      await sent(this.socket, { type: "message", id, message: "answer" })
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.beat)
    this.socket?.terminate()
    this.http.close()
    await once(this.http, "close")
  }
}

const judge = (heard: ReadonlyArray<string>): Pick<Figures, "disconnects" | "timeouts"> => ({
  disconnects: heard.filter((text) => /disconnect/i.test(text)).length,
  timeouts: heard.filter((text) => /timed out/.test(text)).length
})

/** A client naps while it waits for an answer, longer than for anything it waits for. */
export const client = (who: "Client" | "NesClient", sleep: Sleep, naps: number): Promise<Figures> =>
  repeat(naps, async (naps, server, faults) => {
    const sleeper = await Sleeper.start(who, sleep)
    try {
      await sleeper.child.call("connect", server.url)
      for (let n = 0; n < naps; n++) {
        const asked = server.asked()
        const outcome = sleeper.child.call("message").then(
          (payload) => payload === "answer" ? [] : [`answered ${String(payload)}`],
          (error: Error) => [error.message]
        )
        // A client that is not connected any more asks nothing.
        const id = await Promise.race([asked, outcome])
        if (!Array.isArray(id)) {
          await sleeper.sleeps(() => server.answer(id))
        }
        faults.push(...await outcome, ...await sleeper.child.call("heard") as ReadonlyArray<string>)
        if (faults.length > 0) {
          return n
        }
        server.silence = 0
      }
      return naps
    } finally {
      await sleeper.stop()
    }
  })

/** A client is stopped while its socket opens, or its hello is answered. */
export const opening = (who: "Client" | "NesClient", at: "upgrade" | "hello"): Promise<Figures> =>
  repeat(1, async (naps, server, faults) => {
    const sleeper = await Sleeper.start(who, "SIGSTOP")
    try {
      const slept = new Promise<void>((resolve) => {
        server.gates[at] = () => {
          sleeper.child.signal("SIGSTOP")
          // It is let through first thing in the nap.
          return new Promise((open) => void sleeper.sleeps(async () => open(undefined)).then(resolve))
        }
      })
      await sleeper.child.call("connect", server.url).catch((error: Error) => faults.push(error.message))
      await slept
      return naps
    } finally {
      await sleeper.stop()
    }
  })

const peers = 20

/** A hapi server naps each time it has sent its heartbeats; their answers arrive meanwhile. */
export const server = async (sleep: Sleep, naps: number): Promise<Figures> => {
  const sleeper = await Sleeper.start("server", sleep)
  const sockets: Array<WebSocket> = []
  try {
    const url = String(await sleeper.child.call("start"))
    const seen = { closed: 0, answered: 0 }
    for (let i = 0; i < peers; i++) {
      const socket = new WebSocket(url)
      sockets.push(socket)
      socket.on("close", () => seen.closed++)
      socket.on("message", (data) => {
        const { type } = JSON.parse(String(data)) as { readonly type: string }
        if (type === "ping") {
          void sent(socket, { type, id: 2 }).then(() => seen.answered++, () => {})
        }
      })
      await once(socket, "open")
      await Promise.all([once(socket, "message"), sent(socket, { type: "hello", id: 1, version: "2" })])
    }
    await sleeper.child.call("nap", naps)
    for (let n = 1; n <= naps && seen.closed === 0; n++) {
      const [beats] = await sleeper.child.events.next("asleep")
      await sleeper.sleeps(() => until(() => seen.answered === beats || seen.closed > 0))
      await sleeper.child.events.next("awake")
    }
    const missed = Number(await sleeper.child.call("missed"))
    return {
      naps,
      repeated: 0,
      disconnects: seen.closed,
      timeouts: missed,
      faults: seen.closed + missed > 0 ? [`${seen.closed} of ${peers} disconnected, ${missed} heartbeats missed`] : []
    }
  } finally {
    for (const socket of sockets) {
      socket.removeAllListeners()
      socket.on("error", () => {}).terminate()
    }
    await sleeper.stop()
  }
}

/**
 * A hapi server naps with clients of ours, each time at another phase of its heartbeat, amid the pings and between them:
 * for longer than `calm` lets a client wait, which asks for a word and waits on.
 */
export const clients = (naps: number): Promise<Figures> =>
  repeat(naps, async (naps, limits, faults) => {
    limits.heartbeat = calm
    const scope = Scope.makeUnsafe()
    const plain: Array<Client> = []
    const effect: Array<NesClient.Service> = []
    const sleeper = await Sleeper.start("server", "SIGSTOP")
    let watch: WebSocket | undefined
    try {
      const url = String(await sleeper.child.call("start", calm))
      // Hears the pings before the others do.
      watch = new WebSocket(url)
      let pinged = (): void => {}
      let rounds: readonly [before: number, last: number] = [Infinity, Infinity]
      watch.on("message", (data) => {
        if (String(data).includes("ping")) {
          rounds = [rounds[1], performance.now()]
          pinged()
          watch?.send(JSON.stringify({ type: "ping", id: 2 }))
        }
      })
      await once(watch, "open")
      await sent(watch, { type: "hello", id: 1, version: "2" })
      for (let i = 0; i < peers; i += 2) {
        const client = new Client(url)
        plain.push(client)
        client.onError = (error) => faults.push(error.message)
        client.onDisconnect = () => faults.push("disconnected")
        await client.connect({ reconnect: false })
        effect.push(await Effect.runPromise(Scope.provide(NesClient.make({ url, reconnect: false }), scope)))
      }
      for (let n = 0; n < naps; n++) {
        await new Promise<void>((resolve) => {
          pinged = resolve
        })
        // Amid the pings, there are clients that have heard nothing since the round before.
        const phase = calm.interval * (n % 10) / 10
        const heard = rounds[phase === 0 ? 0 : 1]
        await after(phase)
        sleeper.child.signal("SIGSTOP")
        await sleeper.sleeps(() => Promise.resolve(), longNap)
        for (const status of await Promise.all(effect.map((client) => Effect.runPromise(client.status)))) {
          faults.push(...status._tag === "Connected" ? [] : ["disconnected"])
        }
        limits.silence = performance.now() - heard
        if (faults.length > 0) {
          return n
        }
      }
      return naps
    } finally {
      watch?.terminate()
      plain.forEach((client) => {
        client.onDisconnect = null
        client.onError = null
        void client.disconnect()
      })
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await sleeper.stop()
    }
  })
