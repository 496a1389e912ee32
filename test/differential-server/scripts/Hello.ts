/** Hello: versions, repetition, subscriptions in it, and the hook behind it. */
import type { ApplicationOptions } from "../Application.js"
import { answer, error, helloFirst, internal, log, logged, type Script, welcome } from "../Script.js"

const version = (name: string, value: unknown, quoted: string): Script => ({
  name: `hello with ${name}`,
  play: async (stage) => {
    const a = await stage.connect("a")
    await a.hello({ version: value })
    await a.hello()
  },
  expect: {
    a: [
      error(400, `Incorrect protocol version (expected 2 but received ${quoted})`, { type: "hello", id: 1 }),
      welcome("a", 2)
    ]
  }
})

/**
 * Keeps a hello in progress until a script opens the gate. With verification on, the peer's first message also waits for
 * a verification that its second does not, and is overtaken by it or not: no reference.
 */
const inProgress: ApplicationOptions = { nes: { auth: { minAuthVerifyInterval: false } }, onConnection: "gate" }

/** How long is waited for what is not to come (ms). */
const silence = 300

const greeted = ["onConnection [\"<a>\",{\"isAuthenticated\":false,\"credentials\":null}]"]

export const hello: ReadonlyArray<Script> = [
  { name: "hello", play: async (stage) => void await stage.open("a"), expect: { a: [welcome("a")] } },
  {
    name: "hello without heartbeat",
    application: { nes: { heartbeat: false } },
    play: async (stage) => void await stage.open("a"),
    expect: { a: [welcome("a", 1, false)] }
  },
  {
    name: "hello with its own heartbeat",
    application: { nes: { heartbeat: { interval: 20000, timeout: 3000 } } },
    play: async (stage) => void await stage.open("a"),
    expect: { a: [welcome("a", 1, { interval: 20000, timeout: 3000 })] }
  },
  {
    name: "hello with a partial heartbeat",
    application: { nes: { heartbeat: { interval: 20000 } } },
    play: async (stage) => void await stage.open("a"),
    expect: { a: [welcome("a", 1, { interval: 20000, timeout: 5000 })] }
  },
  version("version 1", "1", "1"),
  version("no version", undefined, "none"),
  version("version null", null, "none"),
  version("an empty version", "", "none"),
  version("version 0", 0, "none"),
  version("the number 2", 2, "2"),
  version("version 2.4", "2.4", "2.4"),
  version("version true", true, "true"),
  version("an object for a version", { a: 1 }, "[object Object]"),
  {
    name: "second hello",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.hello()
      await a.hello({ version: "1" })
      await a.ask({ type: "unsub", path: "/o" })
    },
    expect: {
      a: [
        welcome("a"),
        error(400, "Connection already initialized", { type: "hello", id: 2 }),
        error(400, "Connection already initialized", { type: "hello", id: 3 }),
        "{\"type\":\"unsub\",\"id\":4}"
      ]
    }
  },
  {
    name: "two hellos at once",
    application: inProgress,
    play: async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "hello", version: "2", id: 1 })
      a.send({ type: "hello", version: "2", id: 2 })
      await a.next(silence)
      await stage.control("openGate")
      await a.total(2)
    },
    expect: {
      a: ["(silence)", welcome("a"), error(400, "Connection already initialized", { type: "hello", id: 2 })],
      control: ["openGate: undefined"],
      record: greeted
    },
    difference: {
      id: "S-hello-gate",
      peer: {
        a: [error(400, "Connection already initialized", { type: "hello", id: 2 }), welcome("a")],
        control: ["openGate: undefined"],
        record: greeted
      }
    }
  },
  {
    name: "hello with subs",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o", "/item/5"] })
      await stage.control("publish", "/o", 1)
      await stage.control("publish", "/item/5", 2)
      await stage.control("publish", "/item/6", 3)
    }
  },
  {
    name: "hello with an empty list of subs",
    play: async (stage) => void await stage.open("a", { subs: [] }),
    expect: { a: [welcome("a")] }
  },
  {
    name: "hello with the same sub twice",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o", "/o"] })
      await stage.control("publish", "/o", 1)
    },
    expect: { a: [welcome("a"), "{\"type\":\"pub\",\"path\":\"/o\",\"message\":1}"], control: ["publish: \"done\""] }
  },
  ...[
    ["matches nothing", "/missing", 404, "Subscription not found"],
    ["has a query", "/o?a=1", 400, "Subscription path cannot contain query"],
    ["fails with a plain Error", "/hooked/throw", 500, internal],
    ["fails with a Boom", "/hooked/boom", 402, "pay first"]
  ].map(([name, path, status, message]): Script => ({
    name: `hello with a sub that ${name}`,
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/o", String(path), "/item/1"] })
      a.terminate()
    },
    expect: {
      a: [error(Number(status), String(message), { type: "hello", id: 1, path: String(path) })],
      ...(String(path).startsWith("/hooked")
        ? { record: [`onSubscribe ["<socket 0>","${path}",{"what":"${String(path).split("/").at(-1)}"}]`] }
        : undefined)
    }
  })),
  {
    name: "a refused hello",
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/missing"] })
      await a.ask({ type: "request", method: "GET", path: "/" })
      await a.settled()
    },
    expect: {
      a: [
        error(404, "Subscription not found", { type: "hello", id: 1, path: "/missing" }),
        "closed 1005"
      ]
    },
    difference: {
      id: "S-refused-hello",
      peer: {
        a: [
          error(404, "Subscription not found", { type: "hello", id: 1, path: "/missing" }),
          "{\"type\":\"request\",\"id\":2,\"statusCode\":200,\"payload\":\"hello\"}",
          "(still open)"
        ]
      }
    }
  },
  {
    name: "onConnection sees the socket before the hello answer",
    application: { onConnection: "send" },
    play: async (stage) => {
      const a = await stage.open("a")
      await a.next()
    },
    expect: {
      a: [welcome("a"), "{\"type\":\"update\",\"message\":{\"hook\":\"onConnection\"}}"],
      record: greeted
    },
    difference: helloFirst
  },
  {
    name: "onConnection is awaited",
    application: { onConnection: "slow" },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/greeting"] })
      await a.next()
    },
    expect: {
      a: [welcome("a"), "{\"type\":\"pub\",\"path\":\"/greeting\",\"message\":\"welcome\"}"],
      record: greeted
    },
    difference: helloFirst
  },
  {
    name: "what is sent to a socket whose hello is refused",
    application: { onConnection: "send" },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/greeting", "/missing"] })
      await a.next(silence)
      await a.next(silence)
    },
    expect: {
      a: [error(404, "Subscription not found", { type: "hello", id: 1, path: "/missing" }), "(silence)", "(silence)"],
      record: ["onConnection [\"<socket 0>\",{\"isAuthenticated\":false,\"credentials\":null}]"]
    },
    difference: {
      id: "S-hello-first",
      peer: {
        a: [
          "{\"type\":\"update\",\"message\":{\"hook\":\"onConnection\"}}",
          "{\"type\":\"pub\",\"path\":\"/greeting\",\"message\":\"welcome\"}",
          error(404, "Subscription not found", { type: "hello", id: 1, path: "/missing" })
        ],
        record: ["onConnection [\"<socket 0>\",{\"isAuthenticated\":false,\"credentials\":null}]"]
      }
    }
  },
  {
    name: "onConnection runs before subs, and not at connect",
    application: { onConnection: "record", onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.fence()
      stage.notes.note("record", "connected")
      await a.hello({ subs: ["/hooked/x"] })
      await a.close()
      await stage.recorded("onConnection")
      await stage.recorded("onSubscribe")
      await stage.recorded("onUnsubscribe")
      await stage.recorded("onDisconnection")
    }
  },
  ...(["throw", "boom", "reject"] as const).map((behaviour): Script => ({
    name: `onConnection that fails: ${behaviour}`,
    application: { onConnection: behaviour },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/hooked/x"] })
      a.terminate()
    }
  })),
  {
    name: "the trace of an onConnection that fails",
    application: { onConnection: "throw", traces: true },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      a.terminate()
    },
    expect: {
      a: [error(500, internal, { type: "hello", id: 1 })],
      record: [
        "onConnection [\"<socket 0>\",{\"isAuthenticated\":false,\"credentials\":null}]",
        log("onConnection", "the hook failed")
      ]
    },
    difference: logged
  },
  {
    name: "onConnection that never answers holds up only its own hello",
    application: { onConnection: "hang", onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "hello", version: "2", id: 1 })
      await stage.recorded("onConnection")
      await a.close()
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "messages sent right behind hello",
    application: inProgress,
    play: async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "hello", version: "2", id: 1 })
      a.send({ type: "unsub", path: "/o", id: 2 })
      await a.next(silence)
      a.send({ type: "request", method: "GET", path: "/", id: 3 })
      await a.next(silence)
      await stage.control("openGate")
      await a.total(3)
    },
    expect: {
      a: ["(silence)", "(silence)", welcome("a"), "{\"type\":\"unsub\",\"id\":2}", answer(3, 200, "hello")],
      control: ["openGate: undefined"],
      record: greeted
    },
    difference: {
      id: "S-hello-gate",
      peer: {
        a: ["{\"type\":\"unsub\",\"id\":2}", answer(3, 200, "hello"), welcome("a")],
        control: ["openGate: undefined"],
        record: greeted
      }
    }
  },
  {
    name: "messages sent right behind a hello that is refused",
    application: inProgress,
    fence: false,
    play: async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "hello", version: "2", id: 1, subs: ["/missing"] })
      a.send({ type: "request", method: "GET", path: "/", id: 2 })
      await a.next(silence)
      a.send({ type: "sub", path: "/hooked/x", id: 3 })
      await a.next(silence)
      await stage.control("publish", "/hooked/x", "news")
      await a.next(silence)
      await stage.control("openGate")
      await a.next()
    },
    expect: {
      a: [
        "(silence)",
        "(silence)",
        "(silence)",
        error(404, "Subscription not found", { type: "hello", id: 1, path: "/missing" })
      ],
      control: ["publish: \"done\"", "openGate: undefined"],
      record: ["onConnection [\"<socket 0>\",{\"isAuthenticated\":false,\"credentials\":null}]"]
    },
    difference: {
      id: "S-hello-gate",
      peer: {
        a: [
          answer(2, 200, "hello"),
          "{\"type\":\"sub\",\"id\":3,\"path\":\"/hooked/x\"}",
          "{\"type\":\"pub\",\"path\":\"/hooked/x\",\"message\":\"news\"}",
          error(404, "Subscription not found", { type: "hello", id: 1, path: "/missing" })
        ],
        control: ["publish: \"done\"", "openGate: undefined"],
        record: [
          "onConnection [\"<socket 0>\",{\"isAuthenticated\":false,\"credentials\":null}]",
          "onSubscribe [\"<socket 0>\",\"/hooked/x\",{\"what\":\"x\"}]"
        ]
      }
    }
  }
]
