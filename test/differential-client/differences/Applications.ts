/** Differences in how the application's calls and handlers are treated. */
import { type Difference, shown } from "./Difference.js"

export const applications: ReadonlyArray<Difference> = [
  {
    id: "C-handler-throws",
    there: "a handler or event property that throws ends the process, or refuses the connection",
    here: "the error goes to `onError` with the original as its `cause`, and everything else goes on",
    why: "one handler must not break delivery to the others.",
    shown: {
      nes14: {
        "a subscription handler throws": shown`
          onConnect () with id "s1"
          connect resolved ()
          subscribe resolved ()
          subscribe#b resolved ()
          - uncaught Error
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + onError (Error { message: "from the handler", type: "user", isNes: true })
          + the cause is the original: true
          + handler b (1, {})
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; closed 1005 ""
        `,
        "onUpdate throws": shown`
          onConnect () with id "s1"
          connect resolved ()
          subscribe resolved ()
          - uncaught Error
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + onError (Error { message: "from onUpdate", type: "user", isNes: true })
          + the cause is the original: true
          + handler a ("after", {})
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; closed 1005 ""
        `,
        "onConnect throws": shown`
          - onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - connect rejected (Error { message: "from onConnect" })
          - id: null
          + onError (Error { message: "from onConnect", type: "user", isNes: true })
          + the cause is the original: true
          + connect resolved ()
          + id: "s1"
        `,
        "onDisconnect throws": shown`
          onConnect () with id "s1"
          connect resolved ()
          - uncaught Error
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onError (Error { message: "from onDisconnect", type: "user", isNes: true })
          + the cause is the original: true
          + onConnect () with id "s1"
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          + attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
        `
      },
      nes6: {
        "a subscription handler throws": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          + subscribe called back ()
          subscribe#b called back ()
          - uncaught Error
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + onError (Error { message: "from the handler", type: "user", isNes: true })
          + the cause is the original: true
          + handler b (1, {})
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; closed 1005 ""
        `,
        "onUpdate throws": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          - uncaught Error
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + subscribe called back ()
          + onError (Error { message: "from onUpdate", type: "user", isNes: true })
          + the cause is the original: true
          + handler a ("after", {})
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; closed 1005 ""
        `,
        "onConnect throws": shown`
          - uncaught Error
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onError (Error { message: "from onConnect", type: "user", isNes: true })
          + the cause is the original: true
          + connect called back ()
          + id: "s1"
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "onDisconnect throws": shown`
          onConnect () with id "s1"
          connect called back ()
          - uncaught Error
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onError (Error { message: "from onDisconnect", type: "user", isNes: true })
          + the cause is the original: true
          + onConnect () with id "s1"
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1001 ""
          + attempt 2: accepted; received { id: 2, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-unhandled",
    there: "if a call fails and nothing handles its Promise, the process ends",
    here: "the process continues; `await` on the Promise still throws",
    why:
      "the documentation calls callbacks optional, and without one a Promise is returned that an application may ignore.",
    shown: {
      nes14: {
        "calls whose outcome nobody looks at": shown`
          onConnect () with id "s1"
          connect resolved ()
          onDisconnect (false, { code: 1006, explanation: "Abnormal closure", reason: "", wasClean: false, wasRequested: false, willReconnect: false }) with id null
          - unhandled rejection of Error
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; received { id: 3, message: "b", type: "message" }
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; received { id: 3, message: "b", type: "message" }; closed 1006 ""
        `
      }
    }
  },
  {
    id: "C-no-request",
    there: "`request` without an argument, or with `null`, throws a TypeError at once",
    here: "it fails like every other call, with `Invalid request`",
    why: "the documentation says that errors go to the callback, and have a `type`.",
    shown: {
      nes14: {
        "a request for null": shown`
          onConnect () with id "s1"
          connect resolved ()
          - request threw (Error { message: "Cannot read properties of null (reading 'method')" })
          + request rejected (Error { message: "Invalid request", type: "user", isNes: true })
        `
      },
      nes6: {
        "a request for null": shown`
          onConnect () with id "s1"
          connect called back ()
          - request threw (Error { message: "Cannot read properties of null (reading 'method')" })
          + request called back (Error { message: "Invalid request", type: "user", isNes: true })
        `
      }
    }
  },
  {
    id: "C-no-handler",
    there:
      "a `subscribe` without a handler, or with one that is no function, succeeds, and the first update ends the process",
    here:
      "a subscription without a handler is allowed and calls nothing; a handler that is not a function is refused with `Invalid handler`",
    why: "a crash, far from its cause.",
    shown: {
      nes14: {
        "subscribe with the handler null": shown`
          onConnect () with id "s1"
          connect resolved ()
          subscribe resolved ()
          subscriptions: ["/a"]
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; closed 1005 ""
        `,
        "subscribe with the handler \"text\"": shown`
          onConnect () with id "s1"
          connect resolved ()
          - subscribe resolved ()
          - subscriptions: ["/a"]
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + subscribe rejected (Error { message: "Invalid handler", type: "user", isNes: true })
          + subscriptions: []
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `
      },
      nes6: {
        "subscribe with the handler null": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          + subscribe called back ()
          subscriptions: ["/a"]
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; closed 1005 ""
        `,
        "subscribe with the handler \"text\"": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          - subscriptions: ["/a"]
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + subscribe called back (Error { message: "Invalid handler", type: "user", isNes: true })
          + subscriptions: []
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-early-subscribe",
    there:
      "a path subscribed or unsubscribed before the hello is answered is sent at once: a server that is still authenticating the client refuses it",
    here: "it is sent after the hello is answered",
    why:
      "otherwise a subscription with valid credentials is lost, and an unsubscribed path of the hello stays subscribed.",
    shown: {
      nes14: {
        "a subscription before the hello is answered, by a server that is still authenticating": shown`
          - subscribe rejected (Error { message: "Authentication required to subscribe", type: "server", isNes: true, statusCode: 401, data: { error: "Refused", message: "Authentication required to subscribe" }, path: "/a" })
          onConnect () with id "s1"
          connect resolved ()
          - subscriptions: []
          + subscribe resolved ()
          + subscriptions: ["/a"]
        `,
        "an unsubscription before the hello that asks for its path is answered": shown`
          subscribe resolved ()
          - sent before the answer: true
          + sent before the answer: false
          onConnect () with id "s1"
          connect resolved ()
          unsubscribe resolved ()
        `
      },
      nes6: {
        "a subscription before the hello is answered, by a server that is still authenticating": shown`
          - subscribe called back (Error { message: "Authentication required to subscribe", type: "server", statusCode: 401, data: { error: "Refused", message: "Authentication required to subscribe" }, path: "/a" })
          onConnect () with id "s1"
          connect called back ()
          - subscriptions: []
          + subscribe called back ()
          + subscriptions: ["/a"]
        `,
        "an unsubscription before the hello that asks for its path is answered": shown`
          subscribe called back ()
          - sent before the answer: true
          + sent before the answer: false
          onConnect () with id "s1"
          connect called back ()
          unsubscribe called back ()
        `
      }
    }
  },
  {
    id: "C-revoke-early",
    there:
      "a `revoke` that arrives before the `sub` of its path is answered ends the new subscription, although it was sent for an earlier one",
    here: "it is ignored: the answer to the `sub` tells whether the subscription stands",
    why: "otherwise the server has a subscription that its client does not know of.",
    shown: {
      nes14: {
        "revoke while the sub is pending": shown`
          onConnect () with id "s1"
          connect resolved ()
          - handler a ("last", { revoked: true })
          subscribe resolved ()
          - subscriptions: []
          + subscriptions: ["/a"]
        `
      },
      nes6: {
        "revoke while the sub is pending": shown`
          onConnect () with id "s1"
          connect called back ()
          - handler a ("last", { revoked: true })
          - subscribe called back (null)
          + subscribe called back ()
          - subscriptions: []
          + subscriptions: ["/a"]
        `
      }
    }
  },
  {
    id: "C-further-handler",
    there:
      "a further handler of a path whose `sub` is pending succeeds at once, and is dropped without an error if the `sub` is refused",
    here: "it succeeds or fails together with the `sub`",
    why: "the documentation says that the callback is called when the server has received the subscription request.",
    shown: {
      nes14: {
        "a further handler while the first is pending": shown`
          onConnect () with id "s1"
          connect resolved ()
          - subscribe#second resolved ()
          subscribe#first resolved ()
          + subscribe#second resolved ()
          handler a (1, {})
          handler b (1, {})
        `,
        "a refused sub drops the handlers added meanwhile": shown`
          onConnect () with id "s1"
          connect resolved ()
          - subscribe#second resolved ()
          subscribe#first rejected (Error { message: "No", type: "server", isNes: true, statusCode: 403, data: { message: "No" } })
          + subscribe#second rejected (Error { message: "No", type: "server", isNes: true, statusCode: 403, data: { message: "No" } })
          subscriptions: []
          onUpdate ("after")
        `
      },
      nes6: {
        "a further handler while the first is pending": shown`
          onConnect () with id "s1"
          connect called back ()
          + subscribe#first called back ()
          subscribe#second called back ()
          - subscribe#first called back (null)
          handler a (1, {})
          handler b (1, {})
        `,
        "a refused sub drops the handlers added meanwhile": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe#second called back ()
          - subscribe#first called back (Error { message: "No", type: "server", statusCode: 403, data: { message: "No" } })
          + subscribe#first called back (Error { message: "No", type: "server", isNes: true, statusCode: 403, data: { message: "No" } })
          + subscribe#second called back (Error { message: "No", type: "server", isNes: true, statusCode: 403, data: { message: "No" } })
          subscriptions: []
          onUpdate ("after")
        `
      }
    }
  },
  {
    id: "C-handler-leaves",
    there: "when a handler unsubscribes itself during delivery, the next handler misses the update",
    here: "every handler that is still subscribed gets it",
    why: "an update is lost.",
    shown: {
      nes14: {
        "a handler unsubscribes itself during delivery": shown`
          onConnect () with id "s1"
          connect resolved ()
          subscribe resolved ()
          subscribe#b resolved ()
          handler a (1, {})
          + handler b (1, {})
          handler b (2, {})
          onUpdate ("after")
          unsubscribe resolved ()
        `
      },
      nes6: {
        "a handler unsubscribes itself during delivery": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          + subscribe called back ()
          subscribe#b called back ()
          handler a (1, {})
          + handler b (1, {})
          handler b (2, {})
          onUpdate ("after")
          unsubscribe called back ()
        `
      }
    }
  },
  {
    id: "C-disconnect-last",
    there: "a `connect` that is pending when `disconnect()` is called settles after the `disconnect()`",
    here: "it settles before",
    why: "the rule is the same for all calls: pending calls fail, then `disconnect()` settles.",
    shown: {
      nes14: {
        "disconnect while opening": shown`
          - disconnect resolved ()
          connect rejected (Error { message: "Socket error", type: "ws", isNes: true })
          + disconnect resolved ()
          id: null
        `,
        "disconnect while opening, with reconnection off": shown`
          + connect rejected (Error { message: "Socket error", type: "ws", isNes: true })
          disconnect#first resolved ()
          disconnect#second resolved ()
          - connect rejected (Error { message: "Socket error", type: "ws", isNes: true })
        `,
        "disconnect while the hello is pending": shown`
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: true, willReconnect: false }) with id null
          - disconnect resolved ()
          connect rejected (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + disconnect resolved ()
        `
      },
      nes6: {
        "disconnect while opening": shown`
          + connect called back (Error { message: "Socket error", type: "ws", isNes: true })
          disconnect called back ()
          - connect called back (Error { message: "Socket error", type: "ws" })
          id: null
        `,
        "disconnect while opening, with reconnection off": shown`
          + connect called back (Error { message: "Socket error", type: "ws", isNes: true })
          disconnect#first called back ()
          disconnect#second called back ()
          - connect called back (Error { message: "Socket error", type: "ws" })
        `,
        "disconnect while the hello is pending": shown`
          - disconnect called back ()
          - connect called back (Error { message: "Request failed - server disconnected", type: "disconnect" })
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: true, willReconnect: false }) with id null
          + connect called back (Error { message: "Request failed - server disconnected", type: "disconnect", isNes: true })
          + disconnect called back ()
        `
      }
    }
  },
  {
    id: "C-error-printed",
    there: "the default `onError` prints the error, with the stack of the code that received it",
    here: "it prints one line, and if a function of the application threw, the original error too",
    why: "the stack of the receiving code does not help to find the cause.",
    shown: {
      nes14: {
        "the default onError prints": shown`
          onConnect () with id "s1"
          connect resolved ()
          - console.error: [Error { message: "Received response for unknown request", type: "protocol", isNes: true }]
          + console.error: ["Error: Received response for unknown request"]
        `
      },
      nes6: {
        "the default onError prints": shown`
          onConnect () with id "s1"
          connect called back ()
          - console.error: [Error { message: "Received response for unknown request", type: "protocol" }]
          + console.error: ["Error: Received response for unknown request"]
        `
      }
    }
  }
]
