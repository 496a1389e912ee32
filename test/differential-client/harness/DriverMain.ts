/**
 * A process that plays sessions with one peer, on demand of its parent. Hostile input may kill a peer, so each has a
 * process of its own; what would have killed it is written into the transcript.
 */
import { LoopWatch } from "../../harness/LoopWatch.js"
import { sessions } from "../sessions/index.js"
import { Patience } from "./Patience.js"
import { loadPeer, type PeerName } from "./Peer.js"
import { NeverCame, ScriptedServer } from "./ScriptedServer.js"
import type { Session } from "./Session.js"
import { Stage } from "./Stage.js"
import type { Order, Transcript } from "./Transcript.js"

const peer = await loadPeer(process.argv[2] as PeerName)
let stage: Stage | undefined

// The text of an engine's own error differs between versions of Node; that it escaped is what counts.
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error)
process.on("uncaughtException", (error) => stage?.fault(`uncaught ${nameOf(error)}`))
process.on("unhandledRejection", (error) => stage?.fault(`unhandled rejection of ${nameOf(error)}`))
console.error = (...args: ReadonlyArray<unknown>) => stage?.note("console.error", args)

const held = new Set(["Timeout", "TCPSocketWrap", "TCPServerWrap"])
const resources = () => process.getActiveResourcesInfo().filter((name) => held.has(name))

const leftovers = async (): Promise<ReadonlyArray<string>> => {
  for (let attempt = 0; attempt < 20 && resources().length > 0; ++attempt) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    // An immediate, unlike a timer that has just fired, is not itself among the resources counted.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return resources()
}

const play = async (session: Session, milliseconds: number): Promise<Transcript> => {
  const patience = new Patience(milliseconds)
  const loop = new LoopWatch()
  const server = await ScriptedServer.start(patience)
  stage = new Stage(peer, server, patience)
  try {
    await session.play(stage)
  } catch (error) {
    if (!(error instanceof NeverCame)) {
      stage.fault(`the script failed: ${String(error)}`)
    }
  }
  await stage.end()
  await server.stop()
  const withheld = loop.take()
  loop.stop()
  return { application: stage.lines, server: server.attempts, left: await leftovers(), withheld }
}

process.on("message", ({ name, patience }: Order) => {
  const session = sessions.find((session) => session.name === name)
  if (session === undefined) {
    throw new Error(`No session is called ${name}`)
  }
  void play(session, patience).then((transcript) => process.send?.(transcript))
})
process.send?.("ready")
