/** A script: what to play against both servers, and what must come of it. */
import type { ApplicationOptions } from "./Application.js"
import type { Stage } from "./Stage.js"
import type { Transcript } from "./Transcript.js"

export interface Script {
  readonly name: string
  readonly application?: ApplicationOptions
  readonly play: (stage: Stage) => Promise<void>
  /** Off where a last message to every socket would change what the script is about. */
  readonly fence?: false
  /** What ours must record, where the specification says it: asserted beside the comparison. */
  readonly expect?: Transcript
  /** A decided difference of this script. */
  readonly difference?: Difference
}

/**
 * A decided difference: its id in `Differences` and in docs/differences.md, and what `@hapi/nes` 14 records instead: its
 * transcript beside the `expect` of ours, or how its transcript follows from ours.
 */
export interface Difference {
  readonly id: string
  readonly peer: Transcript | ((ours: Transcript) => Transcript)
}

/** The peer's process died of it. */
export const crash = (id: string, transcript: Transcript): Difference => ({
  id,
  peer: { ...transcript, process: ["crashed"] }
})

/** A failed `sub` of ours carries the path; the peer's does not. */
export const failedSubPath: Difference = {
  id: "S-failed-sub-path",
  peer: (ours) =>
    Object.fromEntries(
      Object.entries(ours).map(([lane, lines]) => [
        lane,
        lines.map((line) => {
          if (!line.startsWith("{") || !line.includes("\"type\":\"sub\"") || !line.includes("\"statusCode\"")) {
            return line
          }
          const { path, ...frame } = JSON.parse(line) as { readonly path?: unknown }
          return path === undefined ? `${line} should carry its path` : JSON.stringify(frame)
        })
      ])
    )
}

/** Of a hook or filter that failed, ours leaves a log entry; the peer's none. */
export const logged: Difference = {
  id: "S-errors-logged",
  peer: ({ record = [], ...ours }) => {
    const lines = record.filter((line) => !line.startsWith("log "))
    return lines.length > 0 ? { ...ours, record: lines } : ours
  }
}

/** What the application sent during the hello comes behind the answer to it; from the peer, before. */
export const helloFirst: Difference = {
  id: "S-hello-first",
  peer: ({ a = [], ...ours }) => ({ a: [...a.slice(1), ...a.slice(0, 1)], ...ours })
}

/** A log entry as the application records it. */
export const log = (hook: string, message: string): string => `log ${JSON.stringify([["nes", hook, "error"], message])}`

/** A protocol error as both servers write it, key by key. */
export const error = (
  statusCode: number,
  message: string,
  rest: { readonly type?: unknown; readonly id?: unknown; readonly path?: string; readonly headers?: unknown } = {}
): string =>
  JSON.stringify({
    statusCode,
    payload: { error: reasons[statusCode], message },
    headers: rest.headers,
    type: rest.type,
    id: rest.id,
    path: rest.path
  })

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  414: "Request-URI Too Large",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable"
}

/** hapi's generic text for what must not be told. */
export const internal = "An internal server error occurred"

/** The hello answer to the socket of this name. */
export const welcome = (
  name: string,
  id: unknown = 1,
  heartbeat: unknown = { interval: 15000, timeout: 5000 }
): string => JSON.stringify({ type: "hello", id, heartbeat, socket: `<${name}>` })

/** The answer of a route. */
export const answer = (id: unknown, statusCode: number, payload: unknown, headers?: unknown): string =>
  JSON.stringify({ type: "request", id, statusCode, payload, headers })
