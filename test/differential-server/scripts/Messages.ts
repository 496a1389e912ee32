/** Custom messages: what `onMessage` answers, and how it fails. */
import { crash, error, internal, log, logged, type Script, welcome } from "../Script.js"
import type { Json } from "../Stage.js"

const message = (name: string, sent: Json, more: Omit<Script, "name" | "play"> = {}): Script => ({
  name: `message ${name}`,
  application: { onMessage: true },
  play: async (stage) => {
    const a = await stage.open("a")
    await a.ask({ type: "message", ...sent })
  },
  ...more
})

const command = (what: string, more: Omit<Script, "name" | "play"> = {}): Script =>
  message(`answered with: ${what}`, { message: { do: what } }, more)

const failed = (status: number, text: string): Omit<Script, "name" | "play"> => ({
  expect: { a: [welcome("a"), error(status, text, { type: "message", id: 2 })] }
})

const unserialisable: Omit<Script, "name" | "play"> = {
  expect: {
    a: [welcome("a"), error(500, internal, { type: "message", id: 2 })],
    record: ["log [[\"nes\",\"serialization\",\"error\"],\"message\"]"]
  }
}

const values: ReadonlyArray<readonly [string, unknown]> = [
  ["an object", { a: { b: [1, null] } }],
  ["a string", "text"],
  ["an empty string", ""],
  ["a number", 5],
  ["zero", 0],
  ["true", true],
  ["false", false],
  ["null", null],
  ["an array", [1, "2"]],
  ["text outside the BMP", "😀\u2028\u2029"]
]

const together = [
  "{\"type\":\"sub\",\"id\":5,\"path\":\"/o\"}",
  "{\"type\":\"message\",\"id\":6,\"message\":1}",
  "{\"type\":\"unsub\",\"id\":7}",
  error(400, "Unknown message type", { type: "nonsense", id: 8 })
]

export const messages: ReadonlyArray<Script> = [
  {
    name: "message without onMessage",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "message", message: "x" })
      await a.ask({ type: "message" })
    },
    expect: {
      a: [
        welcome("a"),
        error(501, "Not Implemented", { type: "message", id: 2 }),
        error(501, "Not Implemented", { type: "message", id: 3 })
      ]
    }
  },
  ...(["throw", "reject"] as const).map((what) =>
    message(`the trace of: ${what}`, { message: { do: what } }, {
      application: { onMessage: true, traces: true },
      expect: {
        a: [welcome("a"), error(500, internal, { type: "message", id: 2 })],
        record: [log("onMessage", "a secret of the server")]
      },
      difference: logged
    })
  ),
  ...values.map(([name, value]) =>
    message(`echoing ${name}`, { message: { do: "echo", value } }, {
      expect: { a: [welcome("a"), JSON.stringify({ type: "message", id: 2, message: value })] }
    })
  ),
  ...values.map(([name, value]) => message(`being ${name}`, { message: value })),
  message("without content", {}),
  message("answered later", { message: { do: "later", value: 1 } }),
  command("count more arguments", { expect: { a: [welcome("a"), "{\"type\":\"message\",\"id\":2,\"message\":0}"] } }),
  ...["text", 5, [1, 2], {}].map((value) =>
    message(`answered with an error whose payload is ${JSON.stringify(value)}`, {
      message: { do: "boom with another payload", value }
    })
  ),
  message("answered with an error without a payload", { message: { do: "boom with another payload", value: null } }, {
    expect: { a: [welcome("a"), "{\"statusCode\":400,\"payload\":null,\"type\":\"message\",\"id\":2}"] },
    difference: crash("S-system-errors", { a: [welcome("a"), "closed 1006"] })
  }),
  command("boom with a circular payload", unserialisable),
  command("boom with a path", {
    expect: { a: [welcome("a"), error(404, "no file", { type: "message", id: 2 })] },
    difference: {
      id: "S-error-path",
      peer: { a: [welcome("a"), error(404, "no file", { type: "message", id: 2, path: "/etc/file" })] }
    }
  }),
  command("undefined", { expect: { a: [welcome("a"), "{\"type\":\"message\",\"id\":2}"] } }),
  command("buffer"),
  command("date"),
  command("function"),
  command("circular", unserialisable),
  command("bigint", unserialisable),
  command("throw", failed(500, internal)),
  command("reject", failed(500, internal)),
  command("throw string", {
    ...failed(500, internal),
    difference: crash("S-system-errors", { a: [welcome("a"), "closed 1006"] })
  }),
  command("type error", {
    ...failed(500, internal),
    difference: crash("S-system-errors", { a: [welcome("a"), "closed 1006"] })
  }),
  command("boom", failed(403, "no")),
  command("boom 503", failed(503, "later")),
  command("boom unauthorized"),
  command("boom payload"),
  command("boom 500", failed(500, internal)),
  command("return error"),
  {
    name: "message whose hook sends first",
    application: { onMessage: true },
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "message", message: { do: "send first" } })
      await a.next()
    },
    expect: {
      a: [
        welcome("a"),
        "{\"type\":\"update\",\"message\":{\"before\":true}}",
        "{\"type\":\"message\",\"id\":2,\"message\":\"after\"}"
      ]
    }
  },
  {
    name: "message whose hook disconnects",
    application: { onMessage: true, onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "message", id: 5, message: { do: "disconnect" } })
      await a.closed()
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "message whose hook never answers holds up only itself",
    application: { onMessage: true },
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "message", id: 5, message: { do: "hang" } })
      await a.ask({ type: "message", message: { do: "echo", value: 1 } })
      await a.close()
    },
    expect: { a: [welcome("a"), "{\"type\":\"message\",\"id\":2,\"message\":1}", "closed 1005"] }
  },
  {
    name: "messages answered out of order",
    application: { onMessage: true },
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "message", id: 5, message: { do: "gate", value: "late" } })
      await a.ask({ type: "message", message: { do: "echo", value: "early" } })
      await stage.control("openGate")
      await a.next()
    },
    expect: {
      a: [
        welcome("a"),
        "{\"type\":\"message\",\"id\":2,\"message\":\"early\"}",
        "{\"type\":\"message\",\"id\":5,\"message\":\"late\"}"
      ],
      control: ["openGate: undefined"]
    }
  },
  {
    name: "messages sent together, none of which has to wait",
    application: { onMessage: true },
    play: async (stage) => {
      const a = await stage.open("a")
      a.together(
        { type: "sub", id: 5, path: "/o" },
        { type: "message", id: 6, message: { do: "echo", value: 1 } },
        { type: "unsub", id: 7, path: "/o" },
        { type: "nonsense", id: 8 }
      )
      await a.messages(4)
    },
    expect: { a: [welcome("a"), ...together] },
    difference: {
      id: "S-answer-order",
      peer: { a: [welcome("a"), ...[3, 1, 2, 0].map((n) => together[n] ?? "")] }
    }
  }
]
