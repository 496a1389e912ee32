/** Subscribing and giving up: paths, hooks, and what a hostile client asks for. */
import {
  crash as crashed,
  error,
  failedSubPath,
  helloFirst,
  internal,
  log,
  logged,
  type Script,
  welcome
} from "../Script.js"
import type { Json, Stage } from "../Stage.js"

const subscribed = (path: string, id: unknown = 2): string => JSON.stringify({ type: "sub", id, path })
const gone = (id: unknown): string => JSON.stringify({ type: "unsub", id })

/** Subscribes, and then publishes to the same path: what arrives tells whether it did. */
const sub = (path: string, more: Omit<Script, "name" | "play"> = {}): Script => ({
  name: `sub ${path}`,
  play: async (stage) => {
    const a = await stage.open("a")
    await a.ask({ type: "sub", path })
    await stage.control("publish", path.startsWith("/") ? path : `/${path}`, "update")
  },
  ...more
})

const notFound = (path: string): Omit<Script, "name" | "play"> => ({
  expect: {
    a: [welcome("a"), error(404, "Subscription not found", { type: "sub", id: 2, path })],
    control: ["publish: \"done\""]
  },
  difference: failedSubPath
})

const delivered = (path: string): Omit<Script, "name" | "play"> => ({
  expect: {
    a: [welcome("a"), subscribed(path), JSON.stringify({ type: "pub", path, message: "update" })],
    control: ["publish: \"done\""]
  }
})

const one = (name: string, message: Json, more: Omit<Script, "name" | "play"> = {}): Script => ({
  name,
  play: async (stage) => {
    const a = await stage.open("a")
    await a.ask(message)
    await a.ask({ type: "request", method: "GET", path: "/" })
  },
  ...more
})

const fine = "{\"type\":\"request\",\"id\":3,\"statusCode\":200,\"payload\":\"hello\"}"

const paths: ReadonlyArray<Script> = [
  ...[
    "/",
    "/o",
    "/item/5",
    "/item/%20x",
    "/deep/1/2",
    "/rest/a/b/c",
    "/rest",
    "/two/a/b",
    "/maybe",
    "/maybe/x",
    "/mixed/file.json",
    "/Case"
  ].map((path) => sub(path, delivered(path))),
  ...[
    "/missing",
    "/item",
    "/item/5/6",
    "/two/a",
    "/two/a/b/c",
    "/deep/1",
    "/mixed/file.txt",
    "/case",
    "/O"
  ].map((path) => sub(path, notFound(path))),
  sub("/item/", notFound("/item/")),
  sub("/o/", notFound("/o/")),
  sub("//o", notFound("//o")),
  sub("/rest/"),
  sub("o", notFound("o")),
  sub("item/5", notFound("item/5")),
  sub("/item/%zz", notFound("/item/%zz")),
  sub("/item/😀"),
  sub("/item/5#x"),
  ...["/./o", " /o", "*", "/__proto__"].map((path) => sub(path, notFound(path))),
  ...["__proto__", "constructor", "toString", "hasOwnProperty"].map((path) =>
    sub(path, {
      ...notFound(path),
      difference: {
        id: "S-prototype-paths",
        peer: { a: [welcome("a"), subscribed(path)], control: ["publish: \"done\""] }
      }
    })
  ),
  sub("/item/__proto__", delivered("/item/__proto__")),
  sub("/o?a=1", {
    expect: {
      a: [welcome("a"), error(400, "Subscription path cannot contain query", { type: "sub", id: 2, path: "/o?a=1" })],
      control: ["publish: \"done\""]
    },
    difference: failedSubPath
  }),
  sub("/missing?a=1", { difference: failedSubPath })
]

const hook = (name: string, socket: string, what: string): string =>
  `${name} ["<${socket}>","/hooked/${what}",{"what":"${what}"}]`

const disconnected = (socket: string): string =>
  `onDisconnection ["<${socket}>",{"isAuthenticated":false,"credentials":null}]`

const hooked = (what: string) => async (stage: Stage): Promise<void> => {
  const a = await stage.open("a")
  const path = `/hooked/${what}`
  await a.ask({ type: "sub", path })
  await stage.control("publish", path, "update")
  await a.ask({ type: "unsub", path })
}

const subscribing: ReadonlyArray<Script> = [
  {
    name: "sub twice succeeds silently and delivers once",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "sub", path: "/o" })
      await a.ask({ type: "sub", path: "/o" })
      await stage.control("publish", "/o", 1)
    },
    expect: {
      a: [welcome("a"), subscribed("/o"), subscribed("/o", 3), "{\"type\":\"pub\",\"path\":\"/o\",\"message\":1}"],
      control: ["publish: \"done\""]
    }
  },
  {
    name: "sub twice calls onSubscribe once",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "sub", path: "/hooked/x" })
      await a.ask({ type: "sub", path: "/hooked/x" })
      await a.ask({ type: "unsub", path: "/hooked/x" })
      await a.ask({ type: "unsub", path: "/hooked/x" })
    }
  },
  {
    name: "sub to several paths of one subscription",
    play: async (stage) => {
      const a = await stage.open("a")
      for (const path of ["/hooked/x", "/hooked/y", "/hooked/z"]) {
        await a.ask({ type: "sub", path })
      }
      await a.ask({ type: "unsub", path: "/hooked/y" })
      for (const path of ["/hooked/x", "/hooked/y", "/hooked/z"]) {
        await stage.control("publish", path, path)
      }
      await a.close()
      await stage.recorded("onSubscribe")
      await stage.recorded("onSubscribe")
      await stage.recorded("onSubscribe")
      await stage.recorded("onUnsubscribe")
      await stage.recorded("onUnsubscribe")
      await stage.recorded("onUnsubscribe")
    }
  },
  {
    name: "unsub, then nothing arrives; sub again",
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/o"] })
      await a.ask({ type: "unsub", path: "/o" })
      await stage.control("publish", "/o", "missed")
      await a.ask({ type: "sub", path: "/o" })
      await stage.control("publish", "/o", "seen")
    },
    expect: {
      a: [welcome("a"), gone(2), subscribed("/o", 3), "{\"type\":\"pub\",\"path\":\"/o\",\"message\":\"seen\"}"],
      control: ["publish: \"done\"", "publish: \"done\""]
    }
  },
  ...(["throw", "boom", "headers", "reject", "later", "x"] as const).map((what): Script => ({
    name: `onSubscribe: ${what}`,
    play: hooked(what),
    difference: failedSubPath
  })),
  {
    name: "onSubscribe: string",
    play: hooked("string"),
    expect: {
      a: [welcome("a"), error(500, internal, { type: "sub", id: 2, path: "/hooked/string" }), gone(3)],
      control: ["publish: \"done\""],
      record: ["onSubscribe [\"<a>\",\"/hooked/string\",{\"what\":\"string\"}]"]
    },
    difference: crashed("S-system-errors", {
      a: [welcome("a"), "closed 1006"],
      record: ["onSubscribe [\"<a>\",\"/hooked/string\",{\"what\":\"string\"}]"]
    })
  },
  ...(["throw", "boom", "reject", "string", "x"] as const).map((what): Script => ({
    name: `onUnsubscribe: ${what}`,
    play: async (stage) => {
      const a = await stage.open("a")
      const path = `/unhooked/${what}`
      await a.ask({ type: "sub", path })
      await a.ask({ type: "unsub", path })
      await a.ask({ type: "sub", path })
    }
  })),
  {
    name: "onUnsubscribe that fails when the client leaves",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/unhooked/throw", "/unhooked/x"] })
      await a.close()
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "the trace of an onSubscribe that fails",
    application: { traces: true },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/hooked/throw"] })
      a.terminate()
    },
    expect: {
      a: [error(500, internal, { type: "hello", id: 1, path: "/hooked/throw" })],
      record: [
        "onSubscribe [\"<socket 0>\",\"/hooked/throw\",{\"what\":\"throw\"}]",
        log("onSubscribe", "a secret of the server")
      ]
    },
    difference: logged
  },
  {
    name: "onSubscribe that never answers: close goes on, and no onUnsubscribe follows",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/hooked/x"] })
      a.send({ type: "sub", id: 5, path: "/hooked/hang" })
      await stage.recorded("onSubscribe")
      await stage.recorded("onSubscribe")
      await a.ask({ type: "request", method: "GET", path: "/" })
      await a.close()
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "onSubscribe that publishes: its update precedes the answer",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "sub", path: "/greeting" })
      await a.next()
      await a.ask({ type: "sub", path: "/greeting-sync" })
      await a.next()
    },
    expect: {
      a: [
        welcome("a"),
        "{\"type\":\"pub\",\"path\":\"/greeting\",\"message\":\"welcome\"}",
        subscribed("/greeting"),
        "{\"type\":\"update\",\"message\":{\"greeting\":\"/greeting-sync\"}}",
        subscribed("/greeting-sync", 3)
      ]
    }
  },
  {
    name: "onSubscribe that publishes during hello",
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/greeting"] })
      await a.next()
    },
    expect: { a: [welcome("a"), "{\"type\":\"pub\",\"path\":\"/greeting\",\"message\":\"welcome\"}"] },
    difference: helloFirst
  },
  {
    name: "what is published to a path of a hello that is in progress",
    play: async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "hello", version: "2", id: 1, subs: ["/o", "/hooked/gate"] })
      await stage.recorded("onSubscribe")
      await stage.control("publish", "/o", 1)
      await stage.control("publish", "/o", 2)
      await stage.control("openGate")
      await a.messages(3)
    },
    expect: {
      a: [
        welcome("a"),
        "{\"type\":\"pub\",\"path\":\"/o\",\"message\":1}",
        "{\"type\":\"pub\",\"path\":\"/o\",\"message\":2}"
      ],
      control: ["publish: \"done\"", "publish: \"done\"", "openGate: undefined"],
      record: ["onSubscribe [\"<a>\",\"/hooked/gate\",{\"what\":\"gate\"}]"]
    },
    difference: helloFirst
  },
  {
    name: "the same path subscribed twice at once delivers once",
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "sub", id: 5, path: "/hooked/gate" })
      a.send({ type: "sub", id: 6, path: "/hooked/gate" })
      await a.fence()
      await stage.control("openGate")
      await a.messages(2)
      await stage.control("publish", "/hooked/gate", "update")
      await a.ask({ type: "unsub", path: "/hooked/gate" })
    },
    expect: {
      a: [
        welcome("a"),
        subscribed("/hooked/gate", 5),
        subscribed("/hooked/gate", 6),
        "{\"type\":\"pub\",\"path\":\"/hooked/gate\",\"message\":\"update\"}",
        gone(2)
      ],
      control: ["openGate: undefined", "publish: \"done\""],
      record: [
        "onSubscribe [\"<a>\",\"/hooked/gate\",{\"what\":\"gate\"}]",
        "onUnsubscribe [\"<a>\",\"/hooked/gate\",{\"what\":\"gate\"}]"
      ]
    },
    difference: {
      id: "S-concurrent-sub",
      peer: (ours) => ({ ...ours, record: [String(ours.record?.[0]), ...ours.record ?? []] })
    }
  },
  {
    name: "unsub while onSubscribe is running",
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "sub", id: 5, path: "/hooked/gate" })
      a.send({ type: "unsub", id: 6, path: "/hooked/gate" })
      await a.fence()
      await stage.control("openGate")
      await a.messages(2)
      await stage.control("publish", "/hooked/gate", "update")
    },
    expect: {
      a: [welcome("a"), gone(6), subscribed("/hooked/gate", 5)],
      control: ["openGate: undefined", "publish: \"done\""],
      record: [hook("onSubscribe", "a", "gate"), hook("onUnsubscribe", "a", "gate")]
    },
    difference: {
      id: "S-unsub-while-subscribing",
      peer: {
        a: [
          welcome("a"),
          gone(6),
          subscribed("/hooked/gate", 5),
          "{\"type\":\"pub\",\"path\":\"/hooked/gate\",\"message\":\"update\"}"
        ],
        control: ["openGate: undefined", "publish: \"done\""],
        record: [hook("onSubscribe", "a", "gate")]
      }
    }
  },
  {
    name: "revoked while onSubscribe is running",
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "sub", id: 5, path: "/hooked/gate" })
      await a.fence()
      await stage.control("socket", a.id, "revoke", "/hooked/gate", "last")
      await stage.control("openGate")
      await a.messages(2)
      await stage.control("publish", "/hooked/gate", "update")
    },
    expect: {
      a: [
        welcome("a"),
        "{\"type\":\"revoke\",\"path\":\"/hooked/gate\",\"message\":\"last\"}",
        error(403, "Subscription revoked", { type: "sub", id: 5, path: "/hooked/gate" })
      ],
      control: ["socket: \"done\"", "openGate: undefined", "publish: \"done\""],
      record: [hook("onSubscribe", "a", "gate"), hook("onUnsubscribe", "a", "gate")]
    },
    difference: {
      id: "S-revoke-while-subscribing",
      peer: {
        a: [
          welcome("a"),
          "{\"type\":\"revoke\",\"path\":\"/hooked/gate\",\"message\":\"last\"}",
          subscribed("/hooked/gate", 5),
          "{\"type\":\"pub\",\"path\":\"/hooked/gate\",\"message\":\"update\"}"
        ],
        control: ["socket: \"done\"", "openGate: undefined", "publish: \"done\""],
        record: [hook("onSubscribe", "a", "gate")]
      }
    }
  },
  {
    name: "the client leaves while onSubscribe is running",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "sub", id: 5, path: "/hooked/gate" })
      await stage.recorded("onSubscribe")
      await a.close()
      await stage.until("sockets", 0)
      await stage.control("openGate")
      await stage.recorded("onDisconnection")
      await stage.control("eachSocket", { subscription: "/hooked/gate" })
    },
    expect: {
      a: [welcome("a"), "closed 1005"],
      control: ["openGate: undefined", "eachSocket: {\"result\":\"done\",\"ids\":[]}"],
      record: [hook("onSubscribe", "a", "gate"), hook("onUnsubscribe", "a", "gate"), disconnected("a")]
    },
    difference: {
      id: "S-departed-subscriber",
      peer: (ours) => ({
        ...ours,
        control: ["openGate: undefined", "eachSocket: {\"result\":\"done\",\"ids\":[\"<a>\"]}"],
        record: [hook("onSubscribe", "a", "gate"), disconnected("a")]
      })
    }
  },
  {
    name: "the client leaves while onSubscribe of its hello is running",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "hello", version: "2", id: 1, subs: ["/hooked/x", "/hooked/gate", "/hooked/y"] })
      await stage.recorded("onSubscribe")
      await stage.recorded("onSubscribe")
      await a.close()
      await stage.until("sockets", 0)
      await stage.control("openGate")
      await stage.recorded("onDisconnection")
      await stage.control("eachSocket", { subscription: "/hooked/gate" })
      await stage.control("eachSocket", { subscription: "/hooked/y" })
    },
    expect: {
      a: ["closed 1005"],
      control: [
        "openGate: undefined",
        "eachSocket: {\"result\":\"done\",\"ids\":[]}",
        "eachSocket: {\"result\":\"done\",\"ids\":[]}"
      ],
      record: [
        hook("onSubscribe", "socket 0", "x"),
        hook("onSubscribe", "socket 0", "gate"),
        hook("onUnsubscribe", "socket 0", "x"),
        hook("onUnsubscribe", "socket 0", "gate"),
        disconnected("socket 0")
      ]
    },
    difference: {
      id: "S-departed-subscriber",
      peer: (ours) => ({
        ...ours,
        control: [
          "openGate: undefined",
          "eachSocket: {\"result\":\"done\",\"ids\":[\"<socket 0>\"]}",
          "eachSocket: {\"result\":\"done\",\"ids\":[\"<socket 0>\"]}"
        ],
        record: [
          hook("onSubscribe", "socket 0", "x"),
          hook("onSubscribe", "socket 0", "gate"),
          hook("onUnsubscribe", "socket 0", "x"),
          disconnected("socket 0"),
          hook("onSubscribe", "socket 0", "y")
        ]
      })
    }
  },
  {
    name: "unsub of what was never subscribed",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "unsub", path: "/o" })
      await a.ask({ type: "unsub", path: "/missing" })
      await a.ask({ type: "unsub", path: "" })
      await a.ask({ type: "unsub", path: "/o?a=1" })
    },
    expect: { a: [welcome("a"), gone(2), gone(3), gone(4), gone(5)] }
  },
  ...["constructor", "__proto__", "toString"].map((path) =>
    one(`unsub ${path}`, { type: "unsub", path }, {
      expect: { a: [welcome("a"), gone(2), fine] },
      difference: crashed("S-prototype-paths", { a: [welcome("a"), "closed 1006"] })
    })
  )
]

const crash = crashed("S-field-types", { a: [welcome("a"), "closed 1006"] })

/** The peer puts into the error whatever it took for a path. */
const notFoundInHello = (path: unknown): string =>
  JSON.stringify({ ...JSON.parse(error(404, "Subscription not found", { type: "hello", id: 1 })), path })

const fields: ReadonlyArray<Script> = [
  one("sub without a path", { type: "sub" }, {
    expect: { a: [welcome("a"), error(400, "Message missing path", { type: "sub", id: 2 }), fine] },
    difference: crash
  }),
  ...[5, true, {}, ["/o"], null].map((path) =>
    one(`sub with path ${JSON.stringify(path)}`, { type: "sub", path }, {
      expect: { a: [welcome("a"), error(400, "Message path must be a string", { type: "sub", id: 2 }), fine] },
      // A list has `indexOf` too, so that the peer looks it up.
      difference: Array.isArray(path)
        ? {
          id: "S-field-types",
          peer: { a: [welcome("a"), error(404, "Subscription not found", { type: "sub", id: 2 }), fine] }
        }
        : crash
    })
  ),
  one("sub with half a surrogate pair in the path", { type: "sub", path: "/item/\ud83d" }, {
    expect: {
      a: [welcome("a"), error(404, "Subscription not found", { type: "sub", id: 2, path: "/item/\ud83d" }), fine]
    },
    difference: { id: "S-half-pairs", peer: { a: [welcome("a"), subscribed("/item/\ud83d"), fine] } }
  }),
  one("sub with a surrogate pair in the path", { type: "sub", path: "/item/😀" }),
  one("sub with an empty path", { type: "sub", path: "" }, {
    expect: { a: [welcome("a"), error(404, "Subscription not found", { type: "sub", id: 2, path: "" }), fine] },
    difference: crash
  }),
  {
    name: "sub with a path that begins with no slash, where all are declared",
    play: async (stage) => {
      await stage.control("subscription", "/{rest*}")
      const a = await stage.open("a")
      await a.ask({ type: "sub", path: "x" })
    },
    expect: {
      a: [welcome("a"), error(404, "Subscription not found", { type: "sub", id: 2, path: "x" })],
      control: ["subscription: \"done\""]
    },
    difference: {
      id: "S-half-pairs",
      peer: { a: [welcome("a"), subscribed("x")], control: ["subscription: \"done\""] }
    }
  },
  one("unsub without a path", { type: "unsub" }, {
    expect: { a: [welcome("a"), error(400, "Message missing path", { type: "unsub", id: 2 }), fine] },
    difference: { id: "S-field-types", peer: { a: [welcome("a"), gone(2), fine] } }
  }),
  ...[5, true, {}, ["/o"], null].map((path) =>
    one(`unsub with path ${JSON.stringify(path)}`, { type: "unsub", path }, {
      expect: { a: [welcome("a"), error(400, "Message path must be a string", { type: "unsub", id: 2 }), fine] },
      difference: { id: "S-field-types", peer: { a: [welcome("a"), gone(2), fine] } }
    })
  ),
  {
    name: "hello with subs null",
    play: async (stage) => {
      await stage.open("a", { subs: null })
    },
    expect: { a: [welcome("a")] }
  },
  ...([
    ["/o", notFoundInHello("o")],
    [5, welcome("a")],
    [{ 0: "/o" }, welcome("a")],
    [[5], undefined],
    [[null], undefined],
    [[["/o"]], notFoundInHello(["/o"])],
    [true, welcome("a")]
  ] as const).map(([subs, peer]): Script => ({
    name: `hello with subs ${JSON.stringify(subs)}`,
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { subs })
      a.terminate()
    },
    expect: { a: [error(400, "Message subs must be an array of strings", { type: "hello", id: 1 })] },
    difference: peer === undefined
      ? crashed("S-field-types", { a: ["closed 1006"] })
      : { id: "S-field-types", peer: { a: [peer] } }
  }))
]

export const subscriptions: ReadonlyArray<Script> = [...paths, ...subscribing, ...fields]
