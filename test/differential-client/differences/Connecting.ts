/** Differences in connecting and reconnecting. */
import { type Difference, shown } from "./Difference.js"

export const connecting: ReadonlyArray<Difference> = [
  {
    id: "C-hello-drop",
    there:
      "a connection that drops, or a hello that times out, before the hello is answered ends reconnection (although 14's `onDisconnect` says that the client will reconnect)",
    here: "the client reconnects; only a server that refuses the hello ends reconnection",
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
    there: "the number of retries and the delay are never reset",
    here: "both are reset after a connection that lasted longer than `maxDelay`",
    why: "otherwise a client that runs for months uses up its retries.",
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
    id: "C-asked-again",
    there: "a request or a message that is not answered when the server closes with 1012, \"service restart\", fails",
    here: "it is sent again as soon as the client has reconnected",
    why:
      "before an effect-nes server closes with 1012, it answers everything that it has begun, so that nothing is done twice and users do not notice a deployment.",
    shown: {
      nes14: {
        "a node sends its clients away with a request that it has not answered": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1012, explanation: "Unknown", reason: "restart", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - request rejected (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          onConnect () with id "s2"
          + request resolved ({ headers: {}, payload: "from the next", statusCode: 200 })
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; closed 1012 "restart"
          - attempt 2: accepted; received { id: 3, type: "hello", version: "2" }; no further frame came; closed 1005 ""
          + attempt 2: accepted; received { id: 3, type: "hello", version: "2" }; received { id: 4, method: "GET", path: "/a", type: "request" }; closed 1005 ""
        `
      },
      nes6: {
        "a node sends its clients away with a request that it has not answered": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back (Error { message: "Request failed - server disconnected", type: "disconnect" })
          onDisconnect (true, { code: 1012, explanation: "Unknown", reason: "restart", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s2"
          + request called back (null, "from the next", 200, {})
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; closed 1012 "restart"
          - attempt 2: accepted; received { id: 3, type: "hello", version: "2" }; no further frame came; closed 1005 ""
          + attempt 2: accepted; received { id: 3, type: "hello", version: "2" }; received { id: 4, method: "GET", path: "/a", type: "request" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-last-retry",
    there:
      "when an attempt fails and the last retry is about to follow, `onDisconnect` says that the client will not reconnect",
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
    why: "the documentation says that it is `false` when the socket closed abnormally.",
    shown: {
      nes14: {
        "connect when the upgrade is refused with 503, and again in the background": shown`
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          - connect rejected (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + connect rejected (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true, statusCode: 503 })
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
    why: "the protocol requires it; without it the client has no id.",
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
    here: "`connect` always fails after `onDisconnect`, and the client has already begun to close",
    why: "the order of events should not depend on how soon the server closes.",
    shown: {
      nes14: {
        "the hello is refused and the server closes at once": shown`
          + onDisconnect (false, { code: 1008, explanation: "Policy violation", reason: "refused", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          connect rejected (Error { message: "Too many connections", type: "server", isNes: true, statusCode: 403, data: { message: "Too many connections" } })
          - onDisconnect (false, { code: 1008, explanation: "Policy violation", reason: "refused", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1008 "refused"
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-connected-first",
    there: "an update that arrives together with the answer to the hello is heard of before `onConnect`",
    here: "it is heard of after `onConnect`",
    why: "the order of events should not depend on what arrives together.",
    shown: {
      nes14: {
        "the hello's answer and an update together": shown`
          - onUpdate ("first")
          onConnect () with id "s1"
          + onUpdate ("first")
          connect resolved ()
        `
      }
    }
  },
  {
    id: "C-temporary-refusal",
    there: "a hello refused with 429 or 5xx ends reconnection, as any refusal",
    here: "it is tried again, as after a lost connection",
    why:
      "these statuses mean that the server cannot answer at the moment; a node that restarts must not lock its clients out.",
    shown: {
      nes14: {
        "the hello is refused for the moment": shown`
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          connect rejected (Error { message: "Too many connections", type: "server", isNes: true, statusCode: 503, data: { error: "Refused", message: "Too many connections" } })
          + onConnect () with id "s1"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          - attempt 2: no further connection came
          + attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the hello is refused for the moment on reconnection": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onError (Error { message: "Too many requests", type: "server", isNes: true, statusCode: 429, data: { error: "Refused", message: "Too many requests" } })
          + onConnect () with id "s3"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
          - attempt 3: no further connection came
          + attempt 3: accepted; received { id: 3, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-refused-path",
    there: "a path refused in a reconnect's hello ends reconnection, with all other subscriptions",
    here: "it ends that path; the client reconnects without it",
    why: "the other subscriptions are still valid.",
    shown: {
      nes14: {
        "a subscription is refused on reconnection": shown`
          onConnect () with id "s1"
          connect resolved ()
          subscribe#a resolved ()
          subscribe#b resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onError (Error { message: "Forbidden", type: "server", isNes: true, statusCode: 403, data: { error: "Refused", message: "Forbidden" }, path: "/a" })
          subscriptions: ["/b"]
          + onConnect () with id "s3"
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; received { id: 3, path: "/b", type: "sub" }; closed 1001 ""
          attempt 2: accepted; received { id: 4, subs: ["/a", "/b"], type: "hello", version: "2" }; closed 1005 ""
          - attempt 3: no further connection came
          + attempt 3: accepted; received { id: 5, subs: ["/b"], type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-auth-function",
    there: "`auth` that is a function is left out of the hello",
    here: "it is called for each hello, and once more after a 401 on a reconnect",
    why: "credentials expire while a client is away.",
    shown: {
      nes14: {
        "auth is a function": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s1"
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          - attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
          + attempt 1: accepted; received { auth: "token 1", id: 1, type: "hello", version: "2" }; closed 1001 ""
          + attempt 2: accepted; received { auth: "token 2", id: 2, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-reauth-refused",
    there: "`reauthenticate` sets the credentials for reconnects even if the server refuses them",
    here: "only if it accepts them",
    why: "otherwise credentials that were never valid lock the client out.",
    shown: {
      nes14: {
        "reauthenticate is refused, and the server disconnects": shown`
          onConnect () with id "s1"
          connect resolved ()
          reauthenticate rejected (Error { message: "Invalid token", type: "server", isNes: true, statusCode: 401, data: { error: "Refused", message: "Invalid token" } })
          onDisconnect (true, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s1"
          attempt 1: accepted; received { auth: "old", id: 1, type: "hello", version: "2" }; received { auth: "bad", id: 2, type: "reauth" }; closed 1005 ""
          - attempt 2: accepted; received { auth: "bad", id: 3, type: "hello", version: "2" }; closed 1005 ""
          + attempt 2: accepted; received { auth: "old", id: 3, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-connect-waits",
    there: "`connect` before a `disconnect` has ended fails with `Already connected`",
    here: "it waits for that end, then connects",
    why:
      "a component that is unmounted and mounted again (React StrictMode), or a page that returns, would stay disconnected.",
    shown: {
      nes14: {
        "connect without waiting for the disconnect": shown`
          onConnect () with id "s1"
          connect resolved ()
          - connect#again rejected (Error { message: "Already connected", type: "user", isNes: true })
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: true, willReconnect: false }) with id null
          disconnect resolved ()
          + onConnect () with id "s2"
          + connect#again resolved ()
          attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
          - attempt 2: no further connection came
          + attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-disconnect-silent",
    there: "a `disconnect()` while a reconnect is opening its socket is reported to `onError`",
    here: "after `disconnect()` only `onDisconnect` is called, and pending calls fail",
    why: "a disconnection that the application requested is not an error.",
    shown: {
      nes14: {
        "disconnect while a reconnection is opening": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1001, explanation: "Going away", reason: "", wasClean: true, wasRequested: false, willReconnect: true }) with id null
          - onError (Error { message: "Socket error", type: "ws", isNes: true })
          disconnect resolved ()
        `
      }
    }
  },
  {
    id: "C-upgrade-status",
    there: "when the server refuses the upgrade, the error does not contain the HTTP status",
    here: "the error has it as `statusCode`, except in a browser, which does not reveal it",
    why: "an application handles a 401 and a 503 differently.",
    shown: {
      nes14: {
        "connect when the upgrade is refused with 401, once": shown`
          - connect rejected (Error { message: "Socket error", type: "ws", isNes: true })
          + connect rejected (Error { message: "Socket error", type: "ws", isNes: true, statusCode: 401 })
        `,
        "attempts that fail in every way before one succeeds": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (true, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          - onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true, statusCode: 503 })
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          - onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true })
          + onError (Error { message: "Connection terminated while waiting to connect", type: "ws", isNes: true, statusCode: 401 })
          - onDisconnect (true, { explanation: "Unknown", wasRequested: false, willReconnect: true }) with id null
          + onDisconnect (true, { explanation: "Unknown", wasClean: false, wasRequested: false, willReconnect: true }) with id null
          onConnect () with id "s2"
        `
      },
      nes6: {
        "connect when the upgrade is refused with 401, once": shown`
          - connect called back (Error { message: "Socket error", type: "ws" })
          + connect called back (Error { message: "Socket error", type: "ws", isNes: true, statusCode: 401 })
        `
      }
    }
  }
]
