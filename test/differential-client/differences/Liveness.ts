/** Differences in how a connection is watched and lost. */
import { type Difference, shown } from "./Difference.js"

export const liveness: ReadonlyArray<Difference> = [
  {
    id: "C-heartbeat-off",
    there:
      "a heartbeat that one connection announced is expected on the next too, even if the next hello answer says `false`",
    here: "each hello answer applies to its own connection only",
    why: "otherwise a healthy connection is closed.",
    shown: {
      nes14: {
        "a second connection without a heartbeat is not watched": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s2"
          - onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          - onHeartbeatTimeout (true)
          - onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - id: null
          + id: "s2"
        `
      },
      nes6: {
        "a second connection without a heartbeat is not watched": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s2"
          - onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout" })
          - onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - id: null
          + id: "s2"
        `
      }
    }
  },
  {
    id: "C-socket-error",
    there:
      "an open connection lost to a socket error is not announced by `onDisconnect` (in 14, without reconnection; in 6 always, and it does not reconnect either)",
    here: "`onDisconnect` is always called, and `onError` if the client does not reconnect",
    why: "the application would never learn that it is disconnected.",
    shown: {
      nes14: {
        "the server closes with 1004, which no peer may send": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `,
        "the server closes with 1005, which no peer may send": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `,
        "the server closes with 1006, which no peer may send": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `,
        "the server closes with 1015, which no peer may send": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `,
        "a message larger than the application's own ws limit": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `
      },
      nes6: {
        "the server closes with 1004, which no peer may send": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `,
        "the server closes with 1005, which no peer may send": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `,
        "the server closes with 1006, which no peer may send": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `,
        "the server closes with 1015, which no peer may send": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `,
        "the server closes with 1004, which no peer may send, and the client reconnects": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Socket error", type: "ws" })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + onConnect () with id "s2"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1002 ""
          - attempt 2: no further connection came
          + attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
        `,
        "a message larger than the application's own ws limit": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Socket error", type: "ws", isNes: true })
          + onDisconnect (false, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          id: null
        `
      }
    }
  },
  {
    id: "C-heartbeat-patience",
    there:
      "a connection ends if nothing arrives for `interval` plus `timeout`, so a server process that is paused loses its clients",
    here: "the client then sends a `ping`, and waits for the same time again before the connection ends",
    why:
      "a paused server looks like a dead network; a machine that no longer knows the connection refuses the `ping`, and the client reconnects at once.",
    shown: {
      nes14: {
        "a server that is late": shown`
          onConnect () with id "s1"
          connect resolved ()
          - onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          - onHeartbeatTimeout (false)
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - id: null
          + id: "s1"
          + onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: true, willReconnect: false }) with id null
          disconnect resolved ()
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, type: "ping" }; received { id: 3, type: "ping" }; closed 1005 ""
        `
      },
      nes6: {
        "a server that is late": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout" })
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - id: null
          + id: "s1"
          + onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: true, willReconnect: false }) with id null
          disconnect called back ()
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, type: "ping" }; received { id: 3, type: "ping" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-heartbeat-close",
    there:
      "a connection whose heartbeat was missed stays open until the server has answered the closing handshake, which an unreachable server never does",
    here: "it counts as closed (1006) at once",
    why: "the client can reconnect sooner.",
    shown: {
      nes14: {
        "silence, with reconnection off": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          onHeartbeatTimeout (false)
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (false, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, type: "ping" }; closed 1005 ""
        `,
        "silence, with reconnection on": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          onHeartbeatTimeout (true)
          - onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s2"
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, type: "ping" }; closed 1005 ""
          - attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
          + attempt 2: accepted; received { id: 3, type: "hello", version: "2" }; closed 1005 ""
        `,
        "silence, with a request pending": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          onHeartbeatTimeout (false)
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (false, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          request rejected (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; closed 1005 ""
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; received { id: 3, type: "ping" }; closed 1005 ""
        `,
        "onHeartbeatTimeout reads the state": shown`
          onConnect () with id "s1"
          connect resolved ()
          onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          onHeartbeatTimeout: [false, "s1"]
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (false, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, type: "ping" }; closed 1005 ""
        `
      }
    }
  }
]
