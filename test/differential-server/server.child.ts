/**
 * A process that runs the application on the plugin named by its argument, one server at a time. An error that would end
 * the process takes only the server and its connections with it.
 */
import type { Socket } from "node:net"
import { emit, plain, serve } from "../harness/ChildEndpoint.js"
import { type Implementation, loadPlugin } from "../interop/peers/Plugin.js"
import { type Application, type ApplicationOptions, make } from "./Application.js"

const plugin = await loadPlugin(process.argv[2] as Implementation)

/** A running application, for the scripts in a row that want it with the same options. */
interface House {
  readonly options: string
  /** Until when scripts may begin: they end before the first of the usual heartbeats (15 s), which is none of theirs. */
  readonly until: number
  readonly application: Application
  readonly connections: ReadonlySet<Socket>
}

let house: House | undefined
/** What a server that is gone still records belongs to no script. */
let generation = 0
/** Whether a script has left a mark on the server that outlasts its connections. */
let isMarked = false
let hasCrashed = false

const build = async (options: ApplicationOptions): Promise<House> => {
  const current = ++generation
  const application = await make(plugin, options, (event, ...data) => {
    if (current === generation) {
      emit(event, ...data.map(plain))
    }
  })
  const connections = new Set<Socket>()
  application.server.listener.on("connection", (socket: Socket) => {
    connections.add(socket)
    socket.once("close", () => connections.delete(socket))
  })
  const hasBeats = options.nes?.heartbeat !== undefined && options.nes.heartbeat !== false
  const until = hasBeats ? 0 : performance.now() + 8000
  return { options: JSON.stringify(options), until, application, connections }
}

const leave = async (): Promise<void> => {
  const left = house
  house = undefined
  generation++
  left?.connections.forEach((socket) => socket.destroy())
  await left?.application.server.stop({ timeout: 50 })
}

process.on("uncaughtException", () => {
  hasCrashed = true
  void leave()
})

/** Whether the next script may have the same server. */
const isOfUse = (): boolean => house !== undefined && !isMarked && !hasCrashed

/** Controls that leave no mark. */
const traceless = new Set(["publish", "broadcast", "eachSocket", "socket", "sockets", "nothing"])

serve({
  open: async (options) => {
    isMarked = false
    hasCrashed = false
    if (house?.options !== JSON.stringify(options) || performance.now() > house.until) {
      await leave()
      house = await build(options as ApplicationOptions)
    }
    return house.application.url
  },
  control: async (name, args) => {
    isMarked ||= !traceless.has(String(name))
    const result = await house?.application.control(String(name), args as ReadonlyArray<unknown>)
    if (hasCrashed) {
      throw new Error("the process would have ended")
    }
    return plain(result)
  },
  hasCrashed: () => hasCrashed,
  // Ends when hooks have seen the last connection go.
  close: async () => {
    const until = performance.now() + 500
    for (let turns = 0; isOfUse() && turns < 5; turns = house?.connections.size === 0 ? turns + 1 : 0) {
      isMarked = performance.now() > until
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (!isOfUse()) {
      await leave()
    }
  }
})
