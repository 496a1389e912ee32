/** Differences in what the client and its errors are as objects. */
import { type Difference, shown } from "./Difference.js"

export const objects: ReadonlyArray<Difference> = [
  {
    id: "C-class",
    there:
      "`Client` is a function, which can be inherited from as in ES5; its static member `WebSocket` replaces the implementation",
    here: "it is a class without static members; the Effect client takes another WebSocket (`NesWebSocket`)",
    why: "a static member replaces the implementation for all clients of the process.",
    shown: {
      nes14: {
        "the class of the client": shown`
          - static members: ["WebSocket", "isBrowser"]
          - called as a function: "done"
          + static members: []
          + called as a function: "TypeError: Class constructor Client cannot be invoked without 'new'"
        `
      },
      nes6: {
        "the class of the client": shown`
          - static members: ["WebSocket"]
          - called as a function: "done"
          + static members: []
          + called as a function: "TypeError: Class constructor Client cannot be invoked without 'new'"
        `
      }
    }
  },
  {
    id: "C-own-id",
    there: "`client.id` is a property of the client's own, which can be replaced",
    here: "it is a getter of its class: whoever assigns to it gets a TypeError",
    why: "it is the server that gives it.",
    shown: {
      nes14: {
        "an assignment to the client's id": shown`
          - assigned: "done"
          + assigned: "TypeError: Cannot set property id of #<Client> which has only a getter"
        `
      },
      nes6: {
        "an assignment to the client's id": shown`
          - assigned: "done"
          + assigned: "TypeError: Cannot set property id of #<Client> which has only a getter"
        `
      }
    }
  },
  {
    id: "C-error-classes",
    there:
      "an error is a plain `Error`; what JSON throws is that error itself, such as a `TypeError`, with the documented properties added",
    here:
      "there is a class for each `type`, with a `_tag`, and JSON shows the message too; what JSON throws is the `cause`",
    why: "they can be told apart by `instanceof` and by Effect's `catchTag`.",
    shown: {
      nes14: {
        "the shape of an error": shown`
          - keys: ["isNes", "type"]
          - class: "Error"
          - as JSON: "{\"type\":\"disconnect\",\"isNes\":true}"
          + keys: ["_tag", "isNes", "type"]
          + class: "DisconnectError"
          + as JSON: "{\"message\":\"Failed to send message - server disconnected\",\"_tag\":\"DisconnectError\",\"type\":\"disconnect\",\"isNes\":true}"
          as text: "Error: Failed to send message - server disconnected"
        `,
        "the shape of an error of JSON": shown`
          onConnect () with id "s1"
          connect resolved ()
          - keys: ["isNes", "type"]
          - class: "TypeError"
          - as JSON: "{\"type\":\"user\",\"isNes\":true}"
          - as text: "TypeError: Do not know how to serialize a BigInt"
          + keys: ["_tag", "isNes", "type"]
          + class: "UserError"
          + as JSON: "{\"message\":\"Do not know how to serialize a BigInt\",\"cause\":{},\"_tag\":\"UserError\",\"type\":\"user\",\"isNes\":true}"
          + as text: "Error: Do not know how to serialize a BigInt"
        `
      },
      nes6: {
        "the shape of an error": shown`
          - keys: ["type"]
          - class: "Error"
          - as JSON: "{\"type\":\"disconnect\"}"
          + keys: ["_tag", "isNes", "type"]
          + class: "DisconnectError"
          + as JSON: "{\"message\":\"Failed to send message - server disconnected\",\"_tag\":\"DisconnectError\",\"type\":\"disconnect\",\"isNes\":true}"
          as text: "Error: Failed to send message - server disconnected"
        `,
        "the shape of an error of JSON": shown`
          onConnect () with id "s1"
          connect called back ()
          - keys: ["type"]
          - class: "TypeError"
          - as JSON: "{\"type\":\"user\"}"
          - as text: "TypeError: Do not know how to serialize a BigInt"
          + keys: ["_tag", "isNes", "type"]
          + class: "UserError"
          + as JSON: "{\"message\":\"Do not know how to serialize a BigInt\",\"cause\":{},\"_tag\":\"UserError\",\"type\":\"user\",\"isNes\":true}"
          + as text: "Error: Do not know how to serialize a BigInt"
        `
      }
    }
  },
  {
    id: "C-no-address",
    there:
      "`connect` to what is no address fails with a `SyntaxError` that is no error of nes (in 6, it throws), and the client says from then on that it attempts to reconnect",
    here: "it fails like every other call, with the `type` `user`, and `connect` can be called again",
    why: "the documentation says that errors have a `type`.",
    shown: {
      nes14: {
        "connect to what is no address, once": shown`
          - connect rejected (Error { message: "Invalid URL: nowhere" })
          + connect rejected (Error { message: "Invalid URL: nowhere", type: "user", isNes: true })
        `,
        "connect to what is no address, and again": shown`
          - connect rejected (Error { message: "Invalid URL: nowhere" })
          - connect#again rejected (Error { message: "Cannot connect while client attempts to reconnect", type: "user", isNes: true })
          + connect rejected (Error { message: "Invalid URL: nowhere", type: "user", isNes: true })
          + connect#again rejected (Error { message: "Invalid URL: nowhere", type: "user", isNes: true })
        `
      },
      nes6: {
        "connect to what is no address, once": shown`
          - connect threw (Error { message: "Invalid URL: nowhere" })
          + connect called back (Error { message: "Invalid URL: nowhere", type: "user", isNes: true })
        `,
        "connect to what is no address, and again": shown`
          - connect threw (Error { message: "Invalid URL: nowhere" })
          - connect#again called back (Error { message: "Cannot connect while client attempts to reconnect" })
          + connect called back (Error { message: "Invalid URL: nowhere", type: "user", isNes: true })
          + connect#again called back (Error { message: "Invalid URL: nowhere", type: "user", isNes: true })
        `
      }
    }
  }
]
