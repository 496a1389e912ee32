/** Differences in connecting and reconnecting. */
import { type Difference, shown } from "./Difference.js"

export const connecting: ReadonlyArray<Difference> = [
  {
    id: "C-hello-drop",
    there:
      "a connection that drops, or a hello that times out, before the hello is answered ends reconnection (14 says the opposite in `onDisconnect`)",
    here: "only a server's refusal of the hello ends it",
    why: "a restart of the server at the wrong moment must not leave a client disconnected for ever.",
    shown: {
      nes14: {
        "the hello is never answered": shown`
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          connect rejected (Error { message: "Request timed out", type: "timeout", isNes: true })
        `,
        "the connection drops in mid-hello, with reconnection on": shown`
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          connect rejected (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + onConnect () with id "s1"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          - attempt 2: no further connection came
          + attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the connection drops in mid-hello on reconnection": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onDisconnect (true, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onError (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + onConnect () with id "s3"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1006 ""
          - attempt 3: no further connection came
          + attempt 3: accepted; received { id: 3, type: "hello", version: "2" }; closed 1005 ""
        `
      },
      nes6: {
        "the connection drops in mid-hello, with reconnection on": shown`
          - onDisconnect (false, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - connect called back (Error { message: "Request failed - server disconnected", type: "disconnect" })
          + onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          + connect called back (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + onConnect () with id "s1"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          - attempt 2: no further connection came
          + attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the connection drops in mid-hello on reconnection": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - onDisconnect (false, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          - onError (Error { message: "Request failed - server disconnected", type: "disconnect" })
          + onDisconnect (true, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          + onError (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + onConnect () with id "s3"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1006 ""
          - attempt 3: no further connection came
          + attempt 3: accepted; received { id: 3, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-retries-zero",
    there: "`retries: 0` means no limit",
    here: "it means no retries",
    why: "that is what it says.",
    shown: {
      nes14: {
        "retries: 0": shown`
          onConnect () with id "s1"
          connect resolved ()
          - onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (false, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - onConnect () with id "s1"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          - attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
          + attempt 2: no further connection came
        `
      },
      nes6: {
        "retries: 0": shown`
          onConnect () with id "s1"
          connect called back ()
          - onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (false, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - onConnect () with id "s1"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          - attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
          + attempt 2: no further connection came
        `
      }
    }
  },
  {
    id: "C-retries-reset",
    there: "retries and the cumulative delay are never given back",
    here: "a connection that stayed up longer than `maxDelay` has both again",
    why: "no client runs out of patience over months.",
    shown: {
      nes14: {
        "a connection that stayed up has its retries again": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s1"
          - onDisconnect (false, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          + onConnect () with id "s1"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1001 ""
          - attempt 3: no further connection came
          + attempt 3: accepted; received { id: 3, type: "hello", version: "2" }; closed 1005 ""
        `
      },
      nes6: {
        "a connection that stayed up has its retries again": shown`
          onConnect () with id "s1"
          connect called back ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s1"
          - onDisconnect (false, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          + onConnect () with id "s1"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1001 ""
          - attempt 3: no further connection came
          + attempt 3: accepted; received { id: 3, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-last-retry",
    there: "when an attempt fails and the last retry is about to follow, `onDisconnect` says that none will",
    here: "`willReconnect` is true as long as an attempt follows",
    why: "the documentation defines it so.",
    shown: {
      nes14: {
        "the delay grows up to its maximum": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          waited 60 ms: "yes"
          onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          waited 120 ms: "yes"
          onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          waited 150 ms: "yes"
          onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          waited 150 ms: "yes"
          onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          - onDisconnect (false, { explanation: "Unknown", wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s1"
        `,
        "retries run out": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          - onDisconnect (false, { explanation: "Unknown", wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onError (Error { message: "Socket error", type: "ws", isNes: true })
          overrideReconnectionAuth: false
          request rejected (Error { message: "Failed to send message - server disconnected", type: "disconnect", isNes: true })
        `,
        "retries run out on the first connection": shown`
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          connect rejected (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          - onDisconnect (false, { explanation: "Unknown", wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onError (Error { message: "Socket error", type: "ws", isNes: true })
        `
      }
    }
  },
  {
    id: "C-failed-attempt-log",
    there: "the log of an attempt that failed to open has no `wasClean`",
    here: "it is `false`",
    why: "the documentation has it `false` when the socket closed abnormally.",
    shown: {
      nes14: {
        "connect when the upgrade is refused with 503, and again in the background": shown`
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          connect rejected (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          onConnect () with id "s1"
        `
      }
    },
    levelled: {
      nes14: (lines) =>
        lines.map((line) =>
          line.replace("{ explanation: \"Unknown\", wasR", "{ explanation: \"Unknown\", wasClean: false, wasR")
        )
    }
  },
  {
    id: "C-no-socket-id",
    there: "a hello answer without `socket` sets `id` to `undefined`",
    here: "`id` stays `null`",
    why: "the protocol's answer always has one; without, there is none.",
    shown: {
      nes14: {
        "a hello answer without a heartbeat or a socket id": shown`
          - onConnect () with id undefined
          + onConnect () with id null
          connect resolved ()
          - id: undefined
          + id: null
        `
      },
      nes6: {
        "a hello answer without a heartbeat or a socket id": shown`
          - onConnect () with id undefined
          + onConnect () with id null
          connect called back ()
          - id: undefined
          + id: null
        `
      }
    }
  },
  {
    id: "C-refusal-crossing",
    there:
      "when the refusal of a hello and the server's close frame arrive together, `connect` fails before `onDisconnect`",
    here: "it fails after it, and the client has begun its own close by then",
    why: "after a refused hello `onDisconnect` comes first, however soon the server closes.",
    shown: {
      nes14: {
        "the hello is refused and the server closes at once": shown`
          + onDisconnect (false, { code: 1008, explanation: "Policy violation", reason: "refused", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          connect rejected (Error { message: "Too many connections", type: "server", isNes: true, statusCode: 503, data: { message: "Too many connections" } })
          - onDisconnect (false, { code: 1008, explanation: "Policy violation", reason: "refused", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1008 "refused"
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  }
]
