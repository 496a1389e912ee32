/** What every message must have, and hostile texts. */
import { crash, error, type Script, welcome } from "../Script.js"
import type { Stage } from "../Stage.js"

const text = (name: string, sent: string, more: Omit<Script, "name" | "play"> = {}): Script => ({
  name: `text ${name}`,
  play: async (stage) => {
    const a = await stage.open("a")
    a.text(sent)
    await a.next()
    await a.ask({ type: "request", method: "GET", path: "/" })
  },
  ...more
})

const unparsable = error(400, "Cannot parse message")
const fine = "{\"type\":\"request\",\"id\":2,\"statusCode\":200,\"payload\":\"hello\"}"
const cannotParse = { expect: { a: [welcome("a"), unparsable, fine] } }

const once = (message: object) => async (stage: Stage): Promise<void> => {
  const a = await stage.open("a")
  await a.ask({ ...message })
}

const early = (message: object) => async (stage: Stage): Promise<void> => {
  const a = await stage.connect("a")
  await a.ask({ ...message })
  await a.hello()
}

export const envelope: ReadonlyArray<Script> = [
  text("that is not JSON", "{", cannotParse),
  text("that is empty", "", cannotParse),
  text("that is whitespace", "  ", cannotParse),
  text("with a trailing comma", "{\"type\":\"ping\",\"id\":1,}", cannotParse),
  text("with a byte order mark", "\ufeff{\"type\":\"ping\",\"id\":1}", cannotParse),
  text("like a chunk", "+{\"type\":\"ping\"}", cannotParse),
  text("like a last chunk", "!{\"type\":\"ping\"}", cannotParse),
  text("null", "null", {
    ...cannotParse,
    difference: crash("S-null", { a: [welcome("a"), "closed 1006"] })
  }),
  text("array", "[]", cannotParse),
  text("array with content", "[{\"type\":\"ping\",\"id\":1}]", cannotParse),
  text("number", "5", cannotParse),
  text("zero", "0", cannotParse),
  text("string", "\"ping\"", cannotParse),
  text("true", "true", cannotParse),
  text("false", "false", cannotParse),
  text("object without type", "{}", cannotParse),
  text("object without type, with id", "{\"id\":7}", {
    expect: { a: [welcome("a"), error(400, "Cannot parse message", { id: 7 }), fine] }
  }),
  text("object with a falsy type", "{\"id\":7,\"type\":\"\"}", {
    expect: { a: [welcome("a"), error(400, "Cannot parse message", { type: "", id: 7 }), fine] }
  }),
  text("object with type null", "{\"id\":7,\"type\":null}", {
    expect: { a: [welcome("a"), error(400, "Cannot parse message", { id: 7 }), fine] },
    difference: {
      id: "S-falsy-fields",
      peer: { a: [welcome("a"), error(400, "Cannot parse message", { type: null, id: 7 }), fine] }
    }
  }),
  ...[5, true, { a: 1 }, ["ping"]].map((type) =>
    text(`object with type ${JSON.stringify(type)}`, JSON.stringify({ id: 7, type }), {
      expect: { a: [welcome("a"), error(400, "Message type must be a string", { id: 7 }), fine] },
      difference: {
        id: "S-field-types",
        peer: { a: [welcome("a"), error(400, "Unknown message type", { type, id: 7 }), fine] }
      }
    })
  ),
  text("with __proto__", "{\"__proto__\":{\"type\":\"ping\"},\"id\":7}"),
  text("with type twice", "{\"type\":\"ping\",\"type\":\"other\",\"id\":7}", {
    expect: { a: [welcome("a"), error(400, "Unknown message type", { type: "other", id: 7 }), fine] }
  }),
  text("deeply nested", `{"type":"message","id":7,"message":${"[".repeat(500)}${"]".repeat(500)}}`),
  text("with lone surrogates in the id", "{\"type\":\"other\",\"id\":\"\\ud800\"}"),
  {
    name: "message without id",
    play: async (stage) => {
      const a = await stage.open("a")
      for (const type of ["request", "message", "sub", "unsub", "reauth", "hello", "other"]) {
        a.text(JSON.stringify({ type }))
        await a.next()
      }
    },
    expect: {
      a: [
        welcome("a"),
        ...["request", "message", "sub", "unsub", "reauth", "hello", "other"].map((type) =>
          error(400, "Message missing id", { type })
        )
      ]
    }
  },
  {
    name: "message with a falsy id",
    play: async (stage) => {
      const a = await stage.open("a")
      for (const id of [0, "", null, false]) {
        a.text(JSON.stringify({ type: "message", id }))
        await a.next()
      }
    },
    expect: {
      a: [welcome("a"), ...[0, "", null, false].map(() => error(400, "Message missing id", { type: "message" }))]
    },
    difference: {
      id: "S-falsy-fields",
      peer: {
        a: [
          welcome("a"),
          ...[0, "", null, false].map((id) => error(400, "Message missing id", { type: "message", id }))
        ]
      }
    }
  },
  {
    name: "ids are echoed as they are",
    play: async (stage) => {
      const a = await stage.open("a")
      for (const id of [1.5, -1, 1e21, "x", "1", "ünï😀"]) {
        await a.ask({ id, type: "unsub", path: "/o" })
      }
    },
    expect: {
      a: [
        welcome("a"),
        ...[1.5, -1, 1e21, "x", "1", "ünï😀"].map((id) => JSON.stringify({ type: "unsub", id }))
      ]
    }
  },
  ...[true, [1], { a: 1 }].map((id): Script => ({
    name: `id ${JSON.stringify(id)}`,
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ id, type: "unsub", path: "/o" })
    },
    expect: { a: [welcome("a"), error(400, "Message id must be a number or a string", { type: "unsub" })] },
    difference: { id: "S-field-types", peer: { a: [welcome("a"), JSON.stringify({ type: "unsub", id })] } }
  })),
  {
    name: "the same id twice",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ id: 9, type: "unsub", path: "/o" })
      await a.ask({ id: 9, type: "unsub", path: "/o" })
    }
  },
  {
    name: "unknown type",
    play: once({ type: "nonsense" }),
    expect: {
      a: [welcome("a"), error(400, "Unknown message type", { type: "nonsense", id: 2 })]
    }
  },
  ...["update", "pub", "revoke", "__proto__", "constructor", "toString", "HELLO"].map((type): Script => ({
    name: `type ${type} from a client`,
    play: once({ type, path: "/o", message: 1 }),
    expect: { a: [welcome("a"), error(400, "Unknown message type", { type, id: 2 })] }
  })),
  {
    name: "ping with id is not answered",
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "ping", id: 5 })
      a.send({ type: "ping", id: "six" })
      await a.ask({ type: "unsub", path: "/o" })
    },
    expect: { a: [welcome("a"), "{\"type\":\"unsub\",\"id\":2}"] }
  },
  {
    name: "ping without id",
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "ping" })
      await a.next()
      await a.ask({ type: "unsub", path: "/o" })
    },
    expect: {
      a: [welcome("a"), error(400, "Message missing id", { type: "ping" }), "{\"type\":\"unsub\",\"id\":2}"]
    }
  },
  {
    name: "ping before hello",
    play: async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "ping", id: 5 })
      await a.hello()
    },
    expect: { a: [welcome("a")] }
  },
  ...["request", "message", "sub", "unsub", "reauth", "nonsense"].map((type): Script => ({
    name: `${type} before hello`,
    play: early({ type, method: "GET", path: "/" }),
    expect: { a: [error(400, "Connection is not initialized", { type, id: 1 }), welcome("a", 2)] }
  })),
  {
    name: "unparsable before hello",
    play: async (stage) => {
      const a = await stage.connect("a")
      a.text("{")
      await a.next()
      a.text("[]")
      await a.next()
      await a.hello()
    },
    expect: { a: [unparsable, unparsable, welcome("a")] }
  },
  {
    name: "null before hello",
    play: async (stage) => {
      const a = await stage.connect("a")
      a.text("null")
      await a.next()
      await a.hello()
    },
    expect: { a: [unparsable, welcome("a")] },
    difference: crash("S-null", { a: ["closed 1006"] })
  },
  {
    name: "a binary frame with a message",
    play: async (stage) => {
      const a = await stage.open("a")
      a.binary(Buffer.from("{\"type\":\"request\",\"id\":2,\"method\":\"GET\",\"path\":\"/\"}"))
      await a.next()
    }
  },
  {
    name: "a binary frame that is no text",
    play: async (stage) => {
      const a = await stage.open("a")
      a.binary(Uint8Array.of(0xff, 0xfe, 0x00))
      await a.next()
      a.binary(new Uint8Array(0))
      await a.next()
    }
  },
  {
    name: "a ping frame is answered by a pong frame",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.pingFrame()
    },
    expect: { a: [welcome("a"), "pong p"] }
  },
  {
    name: "many messages in one turn are answered",
    play: async (stage) => {
      const a = await stage.open("a")
      for (let id = 10; id < 40; id++) {
        a.send({ type: "unsub", id, path: "/o" })
      }
      await a.messages(30)
    }
  },
  {
    name: "hostile texts in a row leave the connection working",
    play: async (stage) => {
      const a = await stage.open("a")
      for (
        const hostile of ["{", "[]", "\"\"", "{}", "{\"type\":\"x\"}", "x".repeat(10_000), "\u0000", "[".repeat(10_000)]
      ) {
        a.text(hostile)
        await a.next()
      }
      await a.ask({ type: "request", method: "GET", path: "/" })
    }
  }
]
