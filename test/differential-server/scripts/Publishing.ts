/** The server's side: publish, broadcast, eachSocket, and the members of a Socket. */
import { log, logged, type Script, welcome } from "../Script.js"
import type { Stage, Wire } from "../Stage.js"

const pub = (path: string, message: unknown): string => JSON.stringify({ type: "pub", path, message })

const revoked = JSON.stringify({ type: "revoke", path: "/filtered/5", message: { left: true } })

const farewell = [
  JSON.stringify({ type: "revoke", path: "/farewell", message: "last" }),
  JSON.stringify({ type: "update", message: "farewell" })
]

const values: ReadonlyArray<readonly [string, unknown]> = [
  ["an object", { a: { b: [1, null] } }],
  ["a string", "text"],
  ["an empty string", ""],
  ["zero", 0],
  ["false", false],
  ["null", null],
  ["an array", [1, 2]],
  ["nothing", undefined],
  ["text outside the BMP", "😀"]
]

const trio = async (stage: Stage, subs: ReadonlyArray<string>): Promise<readonly [Wire, Wire, Wire]> => [
  await stage.open("a", { subs }),
  await stage.open("b", { subs }),
  await stage.open("c")
]

const filtered = (name: string, message: unknown, options?: unknown): Script => ({
  name: `publish with a filter: ${name}`,
  play: async (stage) => {
    await trio(stage, ["/filtered/5"])
    await stage.control("publish", "/filtered/5", message, options)
  }
})

const publishing: ReadonlyArray<Script> = [
  {
    name: "publish to a path with a query reaches nobody, and is no fault",
    play: async (stage) => {
      await stage.open("a", { subs: ["/item/5"] })
      await stage.control("publish", "/item/5?a=1", 1)
      await stage.control("publish", "/item/5#a b", 2)
    },
    expect: { a: [welcome("a")], control: ["publish: \"done\"", "publish: \"done\""] }
  },
  ...values.map(([name, value]): Script => ({
    name: `publish ${name}`,
    play: async (stage) => {
      await trio(stage, ["/o"])
      await stage.control("publish", "/o", value)
    },
    expect: {
      a: [welcome("a"), pub("/o", value)],
      b: [welcome("b"), pub("/o", value)],
      c: [welcome("c")],
      control: ["publish: \"done\""]
    }
  })),
  {
    name: "publish reaches exactly the path",
    play: async (stage) => {
      await stage.open("a", { subs: ["/item/5", "/item/6", "/rest/a/b"] })
      for (
        const path of ["/item/5", "/item/%35", "/item/7", "/rest/a", "/rest/a/b", "/item/6", "/missing", "/ITEM/5"]
      ) {
        await stage.control("publish", path, path)
      }
    }
  },
  {
    name: "publish under an optional parameter reaches exactly the path",
    play: async (stage) => {
      await stage.open("a", { subs: ["/maybe"] })
      await stage.open("b", { subs: ["/maybe/x"] })
      await stage.control("publish", "/maybe", "bare")
      await stage.control("publish", "/maybe/x", "with x")
      await stage.control("publish", "/maybe/", "slash")
    },
    expect: {
      a: [welcome("a"), pub("/maybe", "bare")],
      b: [welcome("b"), pub("/maybe/x", "with x")],
      control: ["publish: \"done\"", "publish: \"done\"", "publish: \"done\""]
    },
    difference: {
      id: "S-publish-exact-path",
      peer: {
        a: [welcome("a"), pub("/maybe", "bare")],
        b: [welcome("b"), pub("/maybe", "bare"), pub("/maybe/x", "with x")],
        control: ["publish: \"done\"", "publish: \"done\"", "publish: \"done\""]
      }
    }
  },
  {
    name: "publish in order",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o"] })
      await Promise.all([1, 2, 3, 4, 5, 6].map((n) => stage.control("publish", "/o", n)))
    }
  },
  ...[["without a slash", "o"], ["with an empty path", ""], ["without a path", undefined], ["with null", null]].map((
    [name, path]
  ): Script => ({
    name: `publish ${name}`,
    play: async (stage) => void await stage.control("publish", path, 1),
    expect: {
      control: [
        `publish: ${JSON.stringify({ throws: `Missing or invalid subscription path: ${path || "empty"}` })}`
      ]
    }
  })),
  {
    name: "publish what cannot be serialised",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o"] })
      await stage.control("publishCircular")
      await stage.control("publish", "/o", "after")
    }
  },
  {
    name: "publish to a user without an index",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o"] })
      await stage.control("publish", "/o", 1, { user: "john" })
      await stage.control("publish", "/missing", 1, { user: "john" })
    },
    expect: {
      a: [welcome("a")],
      control: [
        "publish: {\"rejects\":\"Subscription auth indexing is disabled\"}",
        "publish: \"done\""
      ]
    }
  },
  {
    name: "what no option is",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o"] })
      await stage.control("publish", "/o", 1, { usr: "john" })
      await stage.control("broadcast", 1, { usr: "john" })
      await stage.control("eachSocket", { subscriptions: "/o" })
    },
    expect: {
      a: [welcome("a")],
      control: [
        "publish: {\"throws\":\"Unknown option: usr\"}",
        "broadcast: {\"throws\":\"Unknown option: usr\"}",
        "eachSocket: {\"result\":{\"throws\":\"Unknown option: subscriptions\"},\"ids\":[]}"
      ]
    },
    difference: {
      id: "S-unknown-options",
      peer: {
        a: [welcome("a"), pub("/o", 1), "{\"type\":\"update\",\"message\":1}"],
        control: ["publish: \"done\"", "broadcast: \"done\"", "eachSocket: {\"result\":\"done\",\"ids\":[\"<a>\"]}"]
      }
    }
  },
  {
    name: "a user who is nobody",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o"] })
      for (const user of [0, "", false]) {
        await stage.control("publish", "/o", 1, { user })
        await stage.control("broadcast", 1, { user })
        await stage.control("eachSocket", { subscription: "/o", user })
      }
    },
    expect: {
      a: [welcome("a")],
      control: ["0", "empty", "false"].map((user) => JSON.stringify({ throws: `Invalid user: ${user}` })).flatMap(
        (refusal) => [
          `publish: ${refusal}`,
          `broadcast: ${refusal}`,
          `eachSocket: {"result":${refusal},"ids":[]}`
        ]
      )
    },
    difference: {
      id: "S-falsy-user",
      peer: {
        a: [
          welcome("a"),
          ...Array.from({ length: 3 }, () => [pub("/o", 1), "{\"type\":\"update\",\"message\":1}"]).flat()
        ],
        control: Array.from({ length: 3 }, () => [
          "publish: \"done\"",
          "broadcast: \"done\"",
          "eachSocket: {\"result\":\"done\",\"ids\":[\"<a>\"]}"
        ]).flat()
      }
    }
  },
  filtered("plain", { n: 1 }),
  filtered("null message", null),
  filtered("false", { filter: "no" }),
  filtered("truthy", { filter: "truthy" }),
  filtered("undefined", { filter: "undefined" }),
  filtered("a Promise", { filter: "later" }),
  filtered("an object without override", { filter: "object" }),
  filtered("override", { filter: "override", value: { overridden: true } }),
  filtered("override with a string", { filter: "override", value: "instead" }),
  ...([["null", null], ["zero", 0], ["an empty string", ""], ["false", false]] as const).map((
    [name, value]
  ): Script => ({
    ...filtered(`override with ${name}`, { filter: "override", value }),
    expect: {
      a: [welcome("a"), pub("/filtered/5", value)],
      b: [welcome("b"), pub("/filtered/5", value)],
      c: [welcome("c")],
      control: ["publish: \"done\""],
      record: ["a", "b"].map((socket) =>
        `filter ${
          JSON.stringify(["/filtered/5", { filter: "override", value }, `<${socket}>`, null, { id: "5" }, null])
        }`
      )
    },
    difference: {
      id: "S-falsy-override",
      peer: (ours) => ({
        ...ours,
        a: [welcome("a"), pub("/filtered/5", { filter: "override", value })],
        b: [welcome("b"), pub("/filtered/5", { filter: "override", value })]
      })
    }
  })),
  filtered("override with undefined", { filter: "override undefined" }),
  filtered("a plain Error", { filter: "throw" }),
  filtered("a Boom", { filter: "boom" }),
  filtered("a rejection", { filter: "reject" }),
  ...([["throw", "the filter failed"], ["boom", "no"], ["reject", "the filter rejected"]] as const).map((
    [filter, message]
  ): Script => ({
    ...filtered(`the trace of: ${filter}`, { filter }),
    application: { traces: true },
    expect: {
      a: [welcome("a")],
      b: [welcome("b")],
      c: [welcome("c")],
      control: ["publish: \"done\""],
      record: ["a", "b"].flatMap((socket) => [
        `filter ${JSON.stringify(["/filtered/5", { filter }, `<${socket}>`, null, { id: "5" }, null])}`,
        log("filter", message)
      ])
    },
    difference: logged
  })),
  {
    ...filtered("changing the message", { filter: "change", count: 0 }),
    expect: {
      a: [welcome("a"), pub("/filtered/5", { filter: "change", count: 1 })],
      b: [welcome("b"), pub("/filtered/5", { filter: "change", count: 1 })],
      c: [welcome("c")],
      control: ["publish: \"done\""],
      record: ["a", "b"].map((socket, count) =>
        `filter ${JSON.stringify(["/filtered/5", { filter: "change", count }, `<${socket}>`, null, { id: "5" }, null])}`
      )
    },
    difference: {
      id: "S-made-once",
      peer: (ours) => ({ ...ours, b: [welcome("b"), pub("/filtered/5", { filter: "change", count: 2 })] })
    }
  },
  filtered("internal data", { filter: "only internal", only: 7 }, { internal: 7 }),
  filtered("other internal data", { filter: "only internal", only: 7 }, { internal: { a: 8 } }),
  {
    ...filtered("leaving within the filter", { filter: "leave" }),
    expect: {
      a: [welcome("a"), revoked],
      b: [welcome("b"), revoked],
      c: [welcome("c")],
      control: ["publish: \"done\""],
      record: ["a", "b"].map((socket) =>
        `filter ${JSON.stringify(["/filtered/5", { filter: "leave" }, `<${socket}>`, null, { id: "5" }, null])}`
      )
    },
    difference: {
      id: "S-left-within-filter",
      peer: (ours) => ({
        ...ours,
        a: [...ours.a ?? [], pub("/filtered/5", { filter: "leave" })],
        b: [...ours.b ?? [], pub("/filtered/5", { filter: "leave" })]
      })
    }
  },
  {
    name: "publish with a filter, without parameters",
    play: async (stage) => {
      await trio(stage, ["/filtered-whole"])
      await stage.control("publish", "/filtered-whole", { n: 1 })
    }
  }
]

const broadcasting: ReadonlyArray<Script> = [
  ...values.map(([name, value]): Script => ({
    name: `broadcast ${name}`,
    play: async (stage) => {
      await stage.open("a")
      await stage.open("b")
      await stage.control("broadcast", value)
    },
    expect: {
      a: [welcome("a"), JSON.stringify({ type: "update", message: value })],
      b: [welcome("b"), JSON.stringify({ type: "update", message: value })],
      control: ["broadcast: \"done\""]
    }
  })),
  {
    name: "broadcast what cannot be serialised",
    play: async (stage) => {
      await stage.open("a")
      await stage.control("broadcastCircular")
      await stage.control("broadcast", "after")
    }
  },
  {
    name: "broadcast what cannot be serialised, to two",
    play: async (stage) => {
      await stage.open("a")
      await stage.open("b")
      await stage.control("broadcastCircular")
    },
    expect: {
      a: [welcome("a")],
      b: [welcome("b")],
      control: ["broadcastCircular: \"done\""],
      record: [log("serialization", "update")]
    },
    difference: {
      id: "S-made-once",
      peer: (ours) => ({ ...ours, record: [log("serialization", "update"), log("serialization", "update")] })
    }
  },
  {
    name: "broadcast to a user without an index",
    play: async (stage) => {
      await stage.open("a")
      await stage.control("broadcast", 1, { user: "john" })
    },
    expect: { a: [welcome("a")], control: ["broadcast: {\"throws\":\"Socket auth indexing is disabled\"}"] }
  },
  {
    name: "broadcast before hello",
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.fence()
      await stage.control("broadcast", 1)
      await a.drain()
      await a.hello()
      await stage.control("broadcast", 2)
    },
    expect: {
      a: [welcome("a"), "{\"type\":\"update\",\"message\":2}"],
      control: ["broadcast: \"done\"", "broadcast: \"done\""]
    },
    difference: {
      id: "S-before-hello",
      peer: {
        a: ["{\"type\":\"update\",\"message\":1}", welcome("a"), "{\"type\":\"update\",\"message\":2}"],
        control: ["broadcast: \"done\"", "broadcast: \"done\""]
      }
    }
  },
  {
    name: "broadcast to nobody",
    play: async (stage) => void await stage.control("broadcast", 1),
    expect: { control: ["broadcast: \"done\""] }
  }
]

const each: ReadonlyArray<Script> = [
  {
    name: "eachSocket",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o", "/item/5"] })
      await stage.open("b", { subs: ["/item/6"] })
      await stage.open("c")
      await stage.control("eachSocket")
      await stage.control("eachSocket", { subscription: null, user: null })
      await stage.control("eachSocket", { subscription: "" })
      await stage.control("eachSocket", { subscription: "/o" })
      await stage.control("eachSocket", { subscription: "/item/5" })
      await stage.control("eachSocket", { subscription: "/item/7" })
      await stage.control("eachSocket", { subscription: "/missing" })
    }
  },
  {
    name: "eachSocket to a user without a path",
    play: async (stage) => void await stage.control("eachSocket", { user: "john" }),
    expect: {
      control: [
        "eachSocket: {\"result\":{\"throws\":\"Cannot specify user filter without a subscription path\"},\"ids\":[]}"
      ]
    }
  },
  {
    name: "eachSocket to a user without an index",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o"] })
      await stage.control("eachSocket", { user: "john", subscription: "/o" })
    },
    expect: {
      a: [welcome("a")],
      control: ["eachSocket: {\"result\":{\"rejects\":\"Subscription auth indexing is disabled\"},\"ids\":[]}"]
    }
  },
  {
    name: "eachSocket calls back synchronously",
    play: async (stage) => {
      await stage.open("a", { subs: ["/o"] })
      await stage.open("b", { subs: ["/o"] })
      await stage.control("eachSocketSync")
      await stage.control("eachSocketSync", { subscription: "/o" })
    },
    expect: {
      a: [welcome("a")],
      b: [welcome("b")],
      control: [
        "eachSocketSync: {\"seen\":[\"<a>\",\"<b>\"]}",
        "eachSocketSync: {\"seen\":[\"<a>\",\"<b>\"]}"
      ]
    },
    difference: {
      id: "S-each-socket-sync",
      peer: {
        a: [welcome("a")],
        b: [welcome("b")],
        control: ["eachSocketSync: {\"seen\":[\"<a>\"]}", "eachSocketSync: {\"seen\":[\"<a>\"]}"]
      }
    }
  },
  {
    name: "eachSocket waits for what its callbacks return",
    play: async (stage) => {
      await stage.open("a")
      await stage.open("b")
      await stage.control("eachSocketAwaits")
    },
    expect: { a: [welcome("a")], b: [welcome("b")], control: ["eachSocketAwaits: 2"] }
  },
  {
    name: "eachSocket before hello",
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.fence()
      await stage.control("eachSocketAwaits")
    },
    expect: { control: ["eachSocketAwaits: 0"] },
    difference: { id: "S-before-hello", peer: { control: ["eachSocketAwaits: 1"] } }
  }
]

const countedArguments: Script = {
  name: "hooks get no more arguments than documented",
  play: async (stage) => {
    const a = await stage.open("a", { subs: ["/counted/5"] })
    await stage.control("publish", "/counted/5", 1)
    await a.ask({ type: "unsub", path: "/counted/5" })
  },
  expect: {
    a: [welcome("a"), pub("/counted/5", 1), "{\"type\":\"unsub\",\"id\":2}"],
    control: ["publish: \"done\""],
    record: ["onSubscribe arguments [3]", "filter arguments [3]", "onUnsubscribe arguments [3]"]
  }
}

const member = (name: string, ...args: ReadonlyArray<unknown>): Script => ({
  name: `socket.${name}(${args.map((arg) => JSON.stringify(arg) ?? "undefined").join(", ")})`,
  play: async (stage) => {
    const a = await stage.open("a", { subs: ["/o", "/hooked/x"] })
    const b = await stage.open("b", { subs: ["/o"] })
    await stage.control("socket", a.id, name, ...args)
    await b.fence()
    await stage.control("publish", "/o", "after")
  }
})

const members: ReadonlyArray<Script> = [
  ...values.map(([, value]) => member("send", value)),
  member("sendCircular"),
  ...values.map(([, value]) => member("publish", "/o", value)),
  member("publish", "/elsewhere", 1),
  ...values.map(([, value]) => member("revoke", "/o", value)),
  member("revoke", "/hooked/x", "last"),
  member("revoke", "/elsewhere", "last"),
  member("revoke", "/o", "last", { ignoreClose: true }),
  member("isOpen"),
  member("info"),
  member("auth"),
  member("server"),
  {
    name: "socket.info with x-forwarded-for",
    play: async (stage) => {
      const a = await stage.open("a", {}, { headers: { "X-Forwarded-For": "1.2.3.4, 5.6.7.8" } })
      await stage.control("socket", a.id, "info")
    }
  },
  {
    name: "socket.disconnect",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/hooked/x"] })
      await stage.control("socket", a.id, "disconnect")
      await a.closed()
      await stage.recorded("onSubscribe")
      await stage.recorded("onUnsubscribe")
      await stage.recorded("onDisconnection")
      await stage.control("socket", a.id, "isOpen")
      await stage.control("socket", a.id, "send", 1)
      await stage.control("socket", a.id, "publish", "/o", 1)
      await stage.control("socket", a.id, "revoke", "/o", 1)
      await stage.control("socket", a.id, "revoke", "/o", 1, { ignoreClose: true })
      await stage.control("socket", a.id, "disconnect")
    }
  },
  {
    name: "socket.disconnect, awaited",
    play: async (stage) => {
      const a = await stage.open("a")
      await stage.control("disconnectThenCount", a.id)
      await a.closed()
    },
    expect: { a: [welcome("a"), "closed 1005"], control: ["disconnectThenCount: 0"] },
    difference: {
      id: "S-disconnect-ends",
      peer: { a: [welcome("a"), "closed 1005"], control: ["disconnectThenCount: 1"] }
    }
  },
  {
    name: "socket.revoke, and an onUnsubscribe that takes its time",
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/farewell"] })
      await stage.control("socket", a.id, "revoke", "/farewell", "last")
    },
    expect: { a: [welcome("a"), ...farewell], control: ["socket: \"done\""] },
    difference: {
      id: "S-revoke-at-once",
      peer: { a: [welcome("a"), ...farewell.toReversed()], control: ["socket: \"done\""] }
    }
  },
  {
    name: "the members of a socket are assigned to",
    play: async (stage) => {
      const a = await stage.open("a")
      await stage.control("assign", a.id)
    },
    expect: {
      a: [welcome("a")],
      control: [
        `assign: ${
          JSON.stringify([
            ...["id", "auth", "info", "server"].map((name) => ({
              throws: `Cannot set property ${name} of #<Socket> which has only a getter`
            })),
            "done"
          ])
        }`
      ]
    },
    difference: {
      id: "S-socket-members",
      peer: { a: [welcome("a")], control: [`assign: ${JSON.stringify(Array.from({ length: 5 }, () => "done"))}`] }
    }
  },
  {
    name: "what publish and eachSocket return where there is nothing to do",
    play: async (stage) => void await stage.control("whatReturns"),
    expect: { control: ["whatReturns: [\"object\",\"object\"]"] },
    difference: { id: "S-promises", peer: { control: ["whatReturns: [\"undefined\",\"undefined\"]"] } }
  },
  {
    name: "the client leaves with subscriptions",
    application: { onConnection: "record", onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/hooked/x", "/hooked/y", "/unhooked/x"] })
      await a.close(4001, "done")
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "the client leaves without hello",
    application: { onConnection: "record", onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.fence()
      await a.close()
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "the client is cut off",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/hooked/x"] })
      a.terminate()
      await stage.recorded("onSubscribe")
      await stage.recorded("onUnsubscribe")
      await stage.recorded("onDisconnection")
    }
  }
]

export const publications: ReadonlyArray<Script> = [
  ...publishing,
  countedArguments,
  ...broadcasting,
  ...each,
  ...members
]
