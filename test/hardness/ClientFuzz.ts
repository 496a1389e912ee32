/**
 * Mutated answers to a client: it must not die, every call must end exactly once, and it must not grow.
 */
import { once } from "node:events"
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { WebSocketServer } from "ws"
import { ChildExited, ChildProcess } from "../harness/ChildProcess.js"
import { frame } from "../harness/RawPeer.js"
import type { Outcome } from "./client.child.js"
import type { Holdings } from "./Holdings.js"
import { id, mutate, serverMessage } from "./Mutation.js"
import { Random } from "./Random.js"

export type Subject = "Client" | "NesClient" | "@hapi/nes"

export interface Figures {
  sessions: number
  /** Mutated messages that were sent. */
  messages: number
  calls: number
  deaths: number
  /** Calls that never ended, or ended twice. */
  lost: number
  /** Growth of the heap after the first sessions, in kB. */
  growth: number
  readonly faults: Array<string>
}

const crowd = 64
/** Sessions that each of them plays before all wait for each other; fewer at first, whose compiling is no leak. */
const round = 20
const warmup = 3
const growthLimit = 6_000

const given = (data: unknown): { readonly id?: unknown; readonly type?: unknown } => {
  try {
    return JSON.parse(String(data)) as { readonly id?: unknown; readonly type?: unknown }
  } catch {
    return {}
  }
}

/** Frames that no WebSocket library would send. */
const crooked = (random: Random, text: string): Buffer =>
  random.choose(
    () => frame(text),
    () => frame(text, { masked: false, first: random.pick([0x80, 0x82, 0x83, 0x01, 0xc1]) }),
    () => frame(text, { masked: false, length: random.pick([1, 65_000]) }),
    () => frame(Buffer.from([0xff, 0xfe]), { masked: false }),
    () => frame(Buffer.from([random.int(0, 255), random.int(0, 255)]), { masked: false, first: 0x88 })
  )

/** A server whose every connection is played by the seed in its path. */
class HostileServer {
  messages = 0
  readonly #server: Server = createServer()
  readonly #sockets = new WebSocketServer({ noServer: true })

  async start(): Promise<string> {
    this.#server.on("upgrade", (request, socket, head) => {
      socket.on("error", () => {})
      this.#accept(request, socket as Socket, head)
    })
    this.#server.listen(0, "127.0.0.1")
    await once(this.#server, "listening")
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #accept(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const random = new Random(Number(request.url?.slice(1)))
    if (random.chance(0.05)) {
      socket.end(random.pick(["HTTP/1.1 500 no\r\n\r\n", "HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n", "nonsense", ""]))
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on("error", () => {})
      ws.on("message", (data) => {
        const { id: asked, type } = given(data)
        if (type === "hello" && random.chance(0.8)) {
          ws.send(JSON.stringify({ type: "hello", id: asked, heartbeat: false, socket: "s" }))
        }
        for (let n = random.int(0, 4); n > 0; n--) {
          const message = serverMessage(random, random.chance(0.6) ? asked : id(random, 9))
          const text = mutate(random, message)
          this.messages++
          if (random.chance(0.03)) {
            socket.write(crooked(random, text))
          } else {
            ws.send(text)
          }
        }
        if (random.chance(0.03)) {
          random.choose(() => ws.close(), () => ws.terminate(), () => socket.resetAndDestroy(), () => socket.end())
        }
      })
    })
  }
}

/** Plays sessions until the time is up, and there have been at least so many. */
export const run = async (
  subject: Subject,
  { least = 0, seconds, seed }: { readonly seconds: number; readonly seed: number; readonly least?: number }
): Promise<Figures> => {
  const module = new URL("./client.child.ts", import.meta.url)
  const figures: Figures = { sessions: 0, messages: 0, calls: 0, deaths: 0, lost: 0, growth: 0, faults: [] }
  const server = new HostileServer()
  const url = await server.start()
  let child = await ChildProcess.start(module, [subject])
  let reference: Holdings | undefined
  let played = 0

  const one = async (): Promise<void> => {
    const number = seed * 1_000_000 + played++
    try {
      const { again, calls, ended } = await child.call("play", `${url}/${number}`) as Outcome
      figures.calls += calls
      if (calls !== ended || again > 0) {
        figures.lost += calls - ended + again
        figures.faults.push(`session ${number}: of ${calls} calls, ${ended} ended, ${again} of them again`)
      }
    } catch (error) {
      if (child.alive) {
        throw error
      }
    }
    figures.sessions++
  }

  const until = performance.now() + seconds * 1000
  const isOver = (): boolean => performance.now() >= until && figures.sessions >= least
  const some = async (): Promise<void> => {
    const sessions = reference === undefined ? warmup : round
    for (let n = 0; n < sessions && child.alive && !isOver(); n++) {
      await one()
    }
  }
  const takeStock = async (): Promise<Holdings | undefined> => {
    try {
      return await child.call("holdings") as Holdings
    } catch (error) {
      if (!(error instanceof ChildExited)) {
        throw error
      }
      figures.deaths++
      figures.faults.push(`the client died: ${error.exit.stderr}`)
      child = await ChildProcess.start(module, [subject])
      reference = undefined
      return undefined
    }
  }
  while (!isOver()) {
    await Promise.all(Array.from({ length: crowd }, some))
    if (!child.alive || (reference === undefined && !isOver())) {
      reference = await takeStock()
    }
  }
  const last = await takeStock()
  if (last !== undefined && last.polluted > 0) {
    figures.faults.push("every object has a name that it should not have")
  }
  if (reference !== undefined && last !== undefined) {
    figures.growth = Math.round((last.heap - reference.heap) / 1000)
    if (figures.growth > growthLimit) {
      figures.faults.push(`the heap has grown by ${figures.growth} kB`)
    }
  }
  figures.messages = server.messages
  await child.stop()
  server.stop()
  return figures
}
