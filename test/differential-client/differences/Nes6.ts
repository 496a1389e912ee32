/** What nes 6 does in other ways than `@hapi/nes` 14, which is followed in both styles. */
import { type Difference, shown } from "./Difference.js"
import { dropsFirst } from "./DropOrder.js"

export const nes6: ReadonlyArray<Difference> = [
  {
    id: "C-6-is-nes",
    there: "errors have no `isNes`",
    here: "every error has `isNes: true`",
    why: "14 is followed.",
    shown: {
      nes6: {
        "a message refused": shown`
          onConnect () with id "s1"
          connect called back ()
          - message called back (Error { message: "Not Implemented", type: "server", statusCode: 501, data: { error: "Refused", message: "Not Implemented" } })
          + message called back (Error { message: "Not Implemented", type: "server", isNes: true, statusCode: 501, data: { error: "Refused", message: "Not Implemented" } })
        `
      }
    },
    levelled: {
      nes6: (lines) =>
        lines.map((line) => line.replaceAll(/Error \{ message: "(?:[^"\\]|\\.)*", type: "\w+"/g, "$&, isNes: true"))
    }
  },
  {
    id: "C-6-no-error",
    there: "`subscribe` and `unsubscribe` that were answered call back with `null`, all others without an argument",
    here: "all without an argument",
    why: "success looks the same everywhere.",
    shown: {
      nes6: {
        "subscribe when connected": shown`
          onConnect () with id "s1"
          connect called back ()
          subscriptions while pending: ["/a"]
          - subscribe called back (null)
          + subscribe called back ()
          subscriptions: ["/a"]
          handler a ({ n: 1 }, {})
        `
      }
    },
    levelled: {
      nes6: (lines) => lines.map((line) => line.replace(/^((un)?subscribe\S* called back) \(null\)$/, "$1 ()"))
    }
  },
  {
    id: "C-6-drop-order",
    there: "when the connection drops, the callbacks of pending calls run before `onDisconnect`",
    here: "after: `onDisconnect`, then pending calls, then `disconnect()`",
    why: "14 is followed.",
    shown: {
      nes6: {
        "disconnect with calls pending": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back (Error { message: "Request failed - server disconnected", type: "disconnect" })
          - message called back (Error { message: "Request failed - server disconnected", type: "disconnect" })
          - subscribe called back (Error { message: "Request failed - server disconnected", type: "disconnect" })
          - disconnect called back ()
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: true, willReconnect: false }) with id null
          + request called back (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + message called back (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + subscribe called back (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + disconnect called back ()
          subscriptions: []
        `,
        "the hello is refused": shown`
          - connect called back (Error { message: "Connection requires authentication", type: "server", statusCode: 401, data: { error: "Refused", message: "Connection requires authentication" } })
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + connect called back (Error { message: "Connection requires authentication", type: "server", isNes: true, statusCode: 401, data: { error: "Refused", message: "Connection requires authentication" } })
        `,
        "the hello is refused on reconnection": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - onError (Error { message: "Invalid token", type: "server", statusCode: 401, data: { error: "Refused", message: "Invalid token" } })
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onError (Error { message: "Invalid token", type: "server", isNes: true, statusCode: 401, data: { error: "Refused", message: "Invalid token" } })
          overrideReconnectionAuth: false
          onConnect () with id "s1"
          connect called back ()
        `,
        "a subscription is refused on reconnection": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe#a called back (null)
          - subscribe#b called back (null)
          + subscribe#a called back ()
          + subscribe#b called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - onError (Error { message: "Forbidden", type: "server", statusCode: 403, data: { error: "Refused", message: "Forbidden" }, path: "/a" })
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          + onError (Error { message: "Forbidden", type: "server", isNes: true, statusCode: 403, data: { error: "Refused", message: "Forbidden" }, path: "/a" })
          subscriptions: ["/b"]
          + onConnect () with id "s3"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; received { id: 3, path: "/b", type: "sub" }; closed 1001 ""
          attempt 2: accepted; received { id: 4, subs: ["/a", "/b"], type: "hello", version: "2" }; closed 1005 ""
          - attempt 3: no further connection came
          + attempt 3: accepted; received { id: 5, subs: ["/b"], type: "hello", version: "2" }; closed 1005 ""
        `,
        "disconnect while a reconnection is opening": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          disconnect called back ()
          - onError (Error { message: "Socket error", type: "ws" })
        `
      }
    },
    levelled: { nes6: dropsFirst }
  },
  {
    id: "C-6-misuse-type",
    there: "the errors of `connect` while connected or reconnecting have no `type`",
    here: "it is `user`",
    why: "14 is followed.",
    shown: {
      nes6: {
        "connect while connecting": shown`
          - connect#second called back (Error { message: "Cannot connect while client attempts to reconnect" })
          + connect#second called back (Error { message: "Cannot connect while client attempts to reconnect", type: "user", isNes: true })
          onConnect () with id "s1"
          connect#first called back ()
        `,
        "connect while connecting, with reconnection off": shown`
          - connect#second called back (Error { message: "Already connected" })
          + connect#second called back (Error { message: "Already connected", type: "user", isNes: true })
          onConnect () with id "s1"
          connect#first called back ()
        `,
        "connect while connected": shown`
          onConnect () with id "s1"
          connect called back ()
          - connect#second called back (Error { message: "Cannot connect while client attempts to reconnect" })
          - connect#third called back (Error { message: "Cannot connect while client attempts to reconnect" })
          + connect#second called back (Error { message: "Cannot connect while client attempts to reconnect", type: "user", isNes: true })
          + connect#third called back (Error { message: "Cannot connect while client attempts to reconnect", type: "user", isNes: true })
        `,
        "connect while connected, with reconnection off": shown`
          onConnect () with id "s1"
          connect called back ()
          - connect#second called back (Error { message: "Already connected" })
          - connect#third called back (Error { message: "Already connected" })
          + connect#second called back (Error { message: "Already connected", type: "user", isNes: true })
          + connect#third called back (Error { message: "Already connected", type: "user", isNes: true })
        `,
        "connect while waiting to reconnect": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - connect#second called back (Error { message: "Cannot connect while client attempts to reconnect" })
          - connect#third called back (Error { message: "Cannot connect while client attempts to reconnect" })
          + connect#second called back (Error { message: "Cannot connect while client attempts to reconnect", type: "user", isNes: true })
          + connect#third called back (Error { message: "Cannot connect while client attempts to reconnect", type: "user", isNes: true })
        `,
        "connect without waiting for the disconnect": shown`
          onConnect () with id "s1"
          connect called back ()
          - connect#again called back (Error { message: "Already connected" })
          - disconnect called back ()
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: true, willReconnect: false }) with id null
          + disconnect called back ()
          + onConnect () with id "s2"
          + connect#again called back ()
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          - attempt 2: no further connection came
          + attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-6-failed-attempt",
    there:
      "a first connection that fails is not retried, and an attempt that fails is a `Socket error` without `onDisconnect`",
    here: "it is retried, and each failure is announced by both",
    why: "14 is followed.",
    shown: {
      nes6: {
        "connect to a port nobody listens on, with one retry": shown`
          - connect called back (Error { message: "Socket error", type: "ws" })
          - never: onError
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + connect called back (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onError (Error { message: "Socket error", type: "ws", isNes: true })
        `,
        "connect when the socket dies before it opens, and again in the background": shown`
          - connect called back (Error { message: "Socket error", type: "ws" })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + connect called back (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onConnect () with id "s1"
          + id: "s1"
          attempt 1: met with reset
          - attempt 2: no further connection came
          + attempt 2: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "connect when the upgrade is refused with 503, and again in the background": shown`
          - connect called back (Error { message: "Socket error", type: "ws" })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + connect called back (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true, statusCode: 503 })
          + onConnect () with id "s1"
          attempt 1: met with 503
          - attempt 2: no further connection came
          + attempt 2: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the delay grows up to its maximum": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          waited 60 ms: "yes"
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          waited 120 ms: "yes"
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          waited 150 ms: "yes"
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          waited 150 ms: "yes"
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s1"
        `,
        "retries run out": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - onError (Error { message: "Socket error", type: "ws" })
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + onError (Error { message: "Socket error", type: "ws", isNes: true })
          overrideReconnectionAuth: false
          - request called back (Error { message: "Failed to send message - server disconnected", type: "disconnect" })
          + request called back (Error { message: "Failed to send message - server disconnected", type: "disconnect", isNes: true })
        `,
        "retries run out on the first connection": shown`
          - connect called back (Error { message: "Socket error", type: "ws" })
          - never: onError
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + connect called back (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + onError (Error { message: "Socket error", type: "ws", isNes: true })
          attempt 1: met with reset
          + attempt 2: met with reset
          + attempt 3: met with reset
        `,
        "attempts that fail in every way before one succeeds": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          - onError (Error { message: "Socket error", type: "ws" })
          - onError (Error { message: "Socket error", type: "ws" })
          - onError (Error { message: "Socket error", type: "ws" })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true, statusCode: 503 })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true, statusCode: 401 })
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s2"
        `
      }
    }
  },
  {
    id: "C-6-hello-timeout",
    there: "a hello that times out ends the process",
    here: "`connect` fails with `Request timed out`",
    why: "a crash.",
    shown: {
      nes6: {
        "the hello is never answered": shown`
          - uncaught TypeError
          + onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          + connect called back (Error { message: "Request timed out", type: "timeout", isNes: true })
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-6-status-600",
    there: "a status of 600 or more is no error",
    here: "every status from 400 on is",
    why: "14 is followed.",
    shown: {
      nes6: {
        "a request answered with status 600": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back (null, { error: "Bad", message: "So" }, 600, { x-a: "1" })
          + request called back (Error { message: "So", type: "server", isNes: true, statusCode: 600, data: { error: "Bad", message: "So" }, headers: { x-a: "1" }, path: "/p" }, { error: "Bad", message: "So" }, 600, { x-a: "1" })
        `
      }
    }
  },
  {
    id: "C-6-unknown-type",
    there: "a call answered with an unknown type never calls back",
    here: "it fails with `Received invalid response`",
    why: "a hang.",
    shown: {
      nes6: {
        "a request is answered with an unknown type": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received unknown response type: surprise", type: "protocol" })
          - never: request
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received unknown response type: surprise", type: "protocol", isNes: true })
          + onUpdate ("after")
        `,
        "a request is answered with an unknown type and an error": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received unknown response type: surprise", type: "protocol" })
          - never: request
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received unknown response type: surprise", type: "protocol", isNes: true })
          + onUpdate ("after")
        `,
        "a request is answered with no type": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received unknown response type: undefined", type: "protocol" })
          - never: request
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received unknown response type: undefined", type: "protocol", isNes: true })
          + onUpdate ("after")
        `,
        "a request is answered with no type and an error": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received unknown response type: undefined", type: "protocol" })
          - never: request
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received unknown response type: undefined", type: "protocol", isNes: true })
          + onUpdate ("after")
        `,
        "a request is answered with a null type": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received unknown response type: null", type: "protocol" })
          - never: request
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          + onUpdate ("after")
        `
      }
    }
  },
  {
    id: "C-6-unsub-error",
    there: "an `unsubscribe` that failed calls back without its error",
    here: "with its error",
    why: "the documentation says so; 14 is followed.",
    shown: {
      nes6: {
        "an unsub is refused": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          - unsubscribe called back ()
          + subscribe called back ()
          + unsubscribe called back (Error { message: "An internal server error occurred", type: "server", isNes: true, statusCode: 500, data: { error: "Refused", message: "An internal server error occurred" } })
          subscriptions: []
        `,
        "an unsub times out": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          - unsubscribe called back ()
          + subscribe called back ()
          + unsubscribe called back (Error { message: "Request timed out", type: "timeout", isNes: true })
          subscriptions: []
        `,
        "an unsub is pending when the connection drops": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          - unsubscribe called back ()
          + subscribe called back ()
          onDisconnect (false, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          + unsubscribe called back (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
        `
      }
    }
  },
  {
    id: "C-6-no-callback",
    there: "`subscribe` or `unsubscribe` without a callback ends the process",
    here: "it returns a Promise",
    why: "a crash; 14 is followed.",
    shown: {
      nes6: {
        "subscribe and unsubscribe without a callback": shown`
          onConnect () with id "s1"
          connect called back ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; received { id: 3, path: "/a", type: "unsub" }
          + subscriptions: []
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; received { id: 3, path: "/a", type: "unsub" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-6-heartbeat-event",
    there: "there is no `onHeartbeatTimeout`",
    here: "it follows `onError`",
    why: "14 added it.",
    shown: {
      nes6: {
        "silence, with reconnection off": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout" })
          + onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          + onHeartbeatTimeout (false)
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (false, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, type: "ping" }; closed 1005 ""
        `,
        "silence, with reconnection on": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout" })
          + onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          + onHeartbeatTimeout (true)
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
          connect called back ()
          - onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout" })
          - request called back (Error { message: "Request failed - server disconnected", type: "disconnect" })
          + onError (Error { message: "Disconnecting due to heartbeat timeout", type: "timeout", isNes: true })
          + onHeartbeatTimeout (false)
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (false, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          + request called back (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; closed 1005 ""
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; received { id: 3, type: "ping" }; closed 1005 ""
        `
      }
    }
  }
]
