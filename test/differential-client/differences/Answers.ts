/** Differences in what is made of a server's messages. */
import { type Difference, shown } from "./Difference.js"

export const answers: ReadonlyArray<Difference> = [
  {
    id: "C-payload-missing",
    there: "an error answer whose payload is `null` or missing ends the process",
    here: "it is an error with the message `Error`",
    why: "a crash; a server must not be able to end its clients.",
    shown: {
      nes14: {
        "the hello is refused with a payload that is null": shown`
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + connect rejected (Error { message: "Error", type: "server", isNes: true, statusCode: 500, data: null })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the hello is refused with a payload that is missing": shown`
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + connect rejected (Error { message: "Error", type: "server", isNes: true, statusCode: 500 })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "a request refused with a payload that is null": shown`
          onConnect () with id "s1"
          connect resolved ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }
          + request rejected (Error { message: "Error", type: "server", isNes: true, statusCode: 404, data: null })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }; closed 1005 ""
        `,
        "a request refused with a payload that is missing": shown`
          onConnect () with id "s1"
          connect resolved ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }
          + request rejected (Error { message: "Error", type: "server", isNes: true, statusCode: 404 })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }; closed 1005 ""
        `
      },
      nes6: {
        "the hello is refused with a payload that is null": shown`
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + connect called back (Error { message: "Error", type: "server", isNes: true, statusCode: 500, data: null })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the hello is refused with a payload that is missing": shown`
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + connect called back (Error { message: "Error", type: "server", isNes: true, statusCode: 500 })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "a request refused with a payload that is null": shown`
          onConnect () with id "s1"
          connect called back ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }
          + request called back (Error { message: "Error", type: "server", isNes: true, statusCode: 404, data: null }, null, 404)
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }; closed 1005 ""
        `,
        "a request refused with a payload that is missing": shown`
          onConnect () with id "s1"
          connect called back ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }
          + request called back (Error { message: "Error", type: "server", isNes: true, statusCode: 404 }, undefined, 404)
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-message-not-text",
    there:
      "an error answer whose `message` is not a string ends the process, or makes the call fail with a value that is not an Error",
    here: "the error's message is the payload's `error`, or else `Error`",
    why: "a crash, and corruption of the payload.",
    shown: {
      nes14: {
        "the hello is refused with a payload that is an object with a number for a message": shown`
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + connect rejected (Error { message: "Error", type: "server", isNes: true, statusCode: 500, data: { message: 5 } })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the hello is refused with a payload that is an object with an object for a message": shown`
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          - connect rejected ({ data: { message: <itself> }, isNes: true, statusCode: 500, text: "no", type: "server" })
          + connect rejected (Error { message: "Error", type: "server", isNes: true, statusCode: 500, data: { message: { text: "no" } } })
        `,
        "a request refused with a payload that is an object with a number for a message": shown`
          onConnect () with id "s1"
          connect resolved ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }
          + request rejected (Error { message: "Error", type: "server", isNes: true, statusCode: 404, data: { message: 5 } })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }; closed 1005 ""
        `,
        "a request refused with a payload that is an object with an object for a message": shown`
          onConnect () with id "s1"
          connect resolved ()
          - request rejected ({ data: { message: <itself> }, isNes: true, statusCode: 404, text: "no", type: "server" })
          + request rejected (Error { message: "Error", type: "server", isNes: true, statusCode: 404, data: { message: { text: "no" } } })
        `
      },
      nes6: {
        "the hello is refused with a payload that is an object with a number for a message": shown`
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + connect called back (Error { message: "Error", type: "server", isNes: true, statusCode: 500, data: { message: 5 } })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the hello is refused with a payload that is an object with an object for a message": shown`
          - connect called back ({ data: { message: <itself> }, statusCode: 500, text: "no", type: "server" })
          onDisconnect (false, { code: 1005, explanation: "No status received", reason: "", wasClean: true, wasRequested: false, willReconnect: false }) with id null
          + connect called back (Error { message: "Error", type: "server", isNes: true, statusCode: 500, data: { message: { text: "no" } } })
        `,
        "a request refused with a payload that is an object with a number for a message": shown`
          onConnect () with id "s1"
          connect called back ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }
          + request called back (Error { message: "Error", type: "server", isNes: true, statusCode: 404, data: { message: 5 } }, { message: 5 }, 404)
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/item", type: "request" }; closed 1005 ""
        `,
        "a request refused with a payload that is an object with an object for a message": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back ({ data: { message: <itself> }, statusCode: 404, text: "no", type: "server" }, { message: { data: <itself>, statusCode: 404, text: "no", type: "server" } }, 404)
          + request called back (Error { message: "Error", type: "server", isNes: true, statusCode: 404, data: { message: { text: "no" } } }, { message: { text: "no" } }, 404)
        `
      }
    }
  },
  {
    id: "C-prototype-names",
    there:
      "an id or a path that has the name of a member of every object, such as `constructor`, is treated as a known call or subscription (14, and 6 for a path, end the process; 6 calls nothing and reports nothing for an id)",
    here: "it is unknown like any other",
    why: "a crash.",
    shown: {
      nes14: {
        "the server sends an id named like a member of every object": shown`
          onConnect () with id "s1"
          connect resolved ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }
          + onError (Error { message: "Received response for unknown request", type: "protocol", isNes: true })
          + request resolved ({ payload: "good", statusCode: 200 })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; closed 1005 ""
        `,
        "the server sends an id that names the prototype": shown`
          onConnect () with id "s1"
          connect resolved ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }
          + onError (Error { message: "Received response for unknown request", type: "protocol", isNes: true })
          + request resolved ({ payload: "good", statusCode: 200 })
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, method: "GET", path: "/a", type: "request" }; closed 1005 ""
        `,
        "pub for a path named like a member of every object": shown`
          onConnect () with id "s1"
          connect resolved ()
          subscribe resolved ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; closed 1005 ""
        `
      },
      nes6: {
        "the server sends an id named like a member of every object": shown`
          onConnect () with id "s1"
          connect called back ()
          + onError (Error { message: "Received response for unknown request", type: "protocol", isNes: true })
          request called back (null, "good", 200)
        `,
        "the server sends an id that names the prototype": shown`
          onConnect () with id "s1"
          connect called back ()
          + onError (Error { message: "Received response for unknown request", type: "protocol", isNes: true })
          request called back (null, "good", 200)
        `,
        "pub for a path named like a member of every object": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }
          + subscribe called back ()
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; received { id: 2, path: "/a", type: "sub" }; closed 1005 ""
        `
      }
    }
  },
  {
    id: "C-malformed",
    there: "a message whose fields have the wrong JSON type is passed on unchanged, or ignored",
    here: "it is a protocol error, and a call it answers fails with `Received invalid response`",
    why: "what the protocol does not allow is a protocol error.",
    shown: {
      nes14: {
        "a request is answered with the status as a text": shown`
          onConnect () with id "s1"
          connect resolved ()
          - request rejected (Error { message: "no", type: "server", isNes: true, statusCode: "404", data: { message: "no" } })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          + request rejected (Error { message: "Received invalid response", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "a request is answered with headers that are a text": shown`
          onConnect () with id "s1"
          connect resolved ()
          - request resolved ({ headers: "y", payload: "x", statusCode: 200 })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          + request rejected (Error { message: "Received invalid response", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "pub without a path": shown`
          onConnect () with id "s1"
          connect resolved ()
          subscribe resolved ()
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "a request is answered with a null type": shown`
          onConnect () with id "s1"
          connect resolved ()
          - onError (Error { message: "Received unknown response type: null", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          request rejected (Error { message: "Received invalid response", type: "protocol", isNes: true })
          onUpdate ("after")
        `
      },
      nes6: {
        "a request is answered with the status as a text": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back (Error { message: "no", type: "server", statusCode: "404", data: { message: "no" } }, { message: "no" }, "404")
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "a request is answered with headers that are a text": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back (null, "x", 200, "y")
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "pub without a path": shown`
          onConnect () with id "s1"
          connect called back ()
          - subscribe called back (null)
          + subscribe called back ()
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `
      }
    }
  },
  {
    id: "C-wrong-answer",
    there: "a call succeeds even if its answer has another type, with whatever that answer contains",
    here: "it is a protocol error, like an unknown type",
    why: "the protocol does not allow it; a request must not succeed without its answer.",
    shown: {
      nes14: {
        "a request is answered with the type message": shown`
          onConnect () with id "s1"
          connect resolved ()
          - request resolved ({ payload: "m" })
          + onError (Error { message: "Received unknown response type: message", type: "protocol", isNes: true })
          + request rejected (Error { message: "Received invalid response", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "a request is answered with the type sub": shown`
          onConnect () with id "s1"
          connect resolved ()
          - request resolved ()
          + onError (Error { message: "Received unknown response type: sub", type: "protocol", isNes: true })
          + request rejected (Error { message: "Received invalid response", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "a request is answered with the type hello": shown`
          onConnect () with id "s1"
          connect resolved ()
          - request resolved ()
          + onError (Error { message: "Received unknown response type: hello", type: "protocol", isNes: true })
          + request rejected (Error { message: "Received invalid response", type: "protocol", isNes: true })
          onUpdate ("after")
        `
      },
      nes6: {
        "a request is answered with the type message": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back (null, "m")
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received unknown response type: message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "a request is answered with the type sub": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back (null)
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received unknown response type: sub", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "a request is answered with the type hello": shown`
          onConnect () with id "s1"
          connect called back ()
          - request called back (null)
          + request called back (Error { message: "Received invalid response", type: "protocol", isNes: true })
          + onError (Error { message: "Received unknown response type: hello", type: "protocol", isNes: true })
          onUpdate ("after")
        `
      }
    }
  },
  {
    id: "C-not-an-object",
    there:
      "JSON that is not an object is treated as an answer to an unknown request, `null` ends the process, and binary data begins a chunk sequence",
    here: "each is reported as `Received invalid message`",
    why: "a crash; and the protocol's messages are JSON objects in text frames.",
    shown: {
      nes14: {
        "the server sends null": shown`
          onConnect () with id "s1"
          connect resolved ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the server sends a number": shown`
          onConnect () with id "s1"
          connect resolved ()
          - onError (Error { message: "Received response for unknown request", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "the server sends a text in JSON": shown`
          onConnect () with id "s1"
          connect resolved ()
          - onError (Error { message: "Received response for unknown request", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "the server sends an array": shown`
          onConnect () with id "s1"
          connect resolved ()
          - onError (Error { message: "Received response for unknown request", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "the server sends binary data": shown`
          onConnect () with id "s1"
          connect resolved ()
          - onError (Error { message: "Received an incomplete message", type: "protocol", isNes: true })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `
      },
      nes6: {
        "the server sends null": shown`
          onConnect () with id "s1"
          connect called back ()
          - uncaught TypeError
          - attempt 1: accepted; received { id: 1, type: "hello", version: "2" }
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          + onUpdate ("after")
          + attempt 1: accepted; received { id: 1, type: "hello", version: "2" }; closed 1005 ""
        `,
        "the server sends a number": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received response for unknown request", type: "protocol" })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "the server sends a text in JSON": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received response for unknown request", type: "protocol" })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "the server sends an array": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received response for unknown request", type: "protocol" })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `,
        "the server sends binary data": shown`
          onConnect () with id "s1"
          connect called back ()
          - onError (Error { message: "Received an incomplete message", type: "protocol" })
          + onError (Error { message: "Received invalid message", type: "protocol", isNes: true })
          onUpdate ("after")
        `
      }
    }
  }
]
