/** Registration options that shape every connection: headers, chunking, heartbeat, limits, origin, and the server's stop. */
import { setTimeout as wait } from "node:timers/promises"
import { error, failedSubPath, internal, type Script, welcome } from "../Script.js"

const headers = (name: string, filter: unknown, paths: ReadonlyArray<string>): Script => ({
  name: `headers ${name}`,
  application: { nes: { headers: filter } },
  play: async (stage) => {
    const a = await stage.open("a")
    for (const path of paths) {
      await a.ask({ type: "request", method: "GET", path })
    }
    await a.ask({ type: "nonsense" })
    await a.ask({ type: "request", method: "GET", path: "missing" })
    await a.ask({ type: "sub", path: "/hooked/headers" })
  },
  difference: failedSubPath
})

const paths = ["/headers", "/boom-shaped", "/boom-unauthorized", "/created", "/redirect", "/missing", "/no-content"]

const headerScripts: ReadonlyArray<Script> = [
  headers("none", null, paths),
  headers("*", "*", paths),
  headers("a list", ["x-custom", "content-type", "www-authenticate"], paths),
  headers("in capitals", ["X-Custom", "X-BOOM", "Location"], paths),
  headers("that nobody sets", ["x-nobody"], paths),
  headers("set-cookie and lists", ["set-cookie", "x-list", "etag", "vary"], paths),
  {
    name: "headers of a refused hello",
    application: { nes: { headers: ["www-authenticate"] }, scheme: "basic", mode: "required" },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      a.terminate()
    }
  },
  {
    name: "headers of a hello that hapi refused",
    application: { nes: { headers: "*" }, scheme: "basic", mode: "required" },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { auth: { headers: { authorization: "Basic x" } } })
      a.terminate()
    }
  },
  {
    name: "headers of onMessage errors",
    application: { nes: { headers: ["x-extra", "www-authenticate"] }, onMessage: true },
    play: async (stage) => {
      const a = await stage.open("a")
      for (const what of ["boom payload", "boom unauthorized", "throw"]) {
        await a.ask({ type: "message", message: { do: what } })
      }
    },
    expect: {
      a: [
        welcome("a"),
        JSON.stringify({
          statusCode: 400,
          payload: { error: "Bad Request", message: "shaped", extra: { a: 1 } },
          headers: { "x-extra": "1" },
          type: "message",
          id: 2
        }),
        JSON.stringify({
          statusCode: 401,
          payload: { error: "Unauthorized", message: "who", attributes: { realm: "x", error: "who" } },
          headers: { "WWW-Authenticate": "Basic realm=\"x\", error=\"who\"" },
          type: "message",
          id: 3
        }),
        error(500, internal, { type: "message", id: 4, headers: {} })
      ]
    }
  },
  {
    name: "headers of a conditional request",
    application: { nes: { headers: ["etag", "content-encoding", "content-length"] } },
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "request", method: "GET", path: "/not-modified" })
      await a.ask({ type: "request", method: "GET", path: "/not-modified", headers: { "if-none-match": "\"e\"" } })
      await a.ask({ type: "request", method: "HEAD", path: "/object" })
    }
  }
]

const chunked = (maxChunkChars: number, message: string): Script => ({
  name: `chunks of ${maxChunkChars} for ${JSON.stringify(message.slice(0, 12))} (${message.length})`,
  application: { nes: { payload: { maxChunkChars } } },
  play: async (stage) => {
    const a = await stage.open("a", { subs: ["/o"] })
    await stage.control("broadcast", message)
    await stage.control("publish", "/o", message)
    await a.next()
    await a.next()
    await a.ask({ type: "request", method: "GET", path: "/object" })
    await a.ask({ type: "nonsense" })
  }
})

/** The text of a broadcast around its message, in UTF-16 units. */
const overhead = JSON.stringify({ type: "update", message: "" }).length

const chunkScripts: ReadonlyArray<Script> = [
  chunked(200, "short"),
  chunked(100, "x".repeat(500)),
  chunked(100, "x".repeat(100 - overhead)),
  chunked(100, "x".repeat(101 - overhead)),
  chunked(100, "x".repeat(200 - overhead)),
  chunked(100, "x".repeat(201 - overhead)),
  chunked(7, "+!{}+!"),
  chunked(1, "ab"),
  {
    ...chunked(11, "😀".repeat(20)),
    name: "chunks never end inside a surrogate pair",
    play: async (stage) => {
      const a = await stage.open("a")
      await stage.control("broadcast", "😀".repeat(6))
      await a.next()
    },
    expect: {
      a: [
        welcome("a"),
        "+{\"type\":\"up",
        "+date\",\"mess",
        "+age\":\"😀😀",
        "!😀😀😀😀\"}"
      ],
      control: ["broadcast: \"done\""]
    },
    difference: {
      id: "S-surrogate-pairs",
      // The halves of a pair, sent apart, are no UTF-8: a replacement character each.
      peer: {
        a: [
          welcome("a"),
          "+{\"type\":\"up",
          "+date\",\"mess",
          "+age\":\"😀😀\ufffd",
          "!\ufffd😀😀😀\"}"
        ],
        control: ["broadcast: \"done\""]
      }
    }
  },
  {
    name: "chunks of one message are not interleaved with another's",
    application: { nes: { payload: { maxChunkChars: 40 } } },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/o"] })
      await Promise.all([
        stage.control("publish", "/o", "x".repeat(200)),
        stage.control("broadcast", "y".repeat(200)),
        stage.control("publish", "/o", "z")
      ])
      await a.next()
      await a.next()
      await a.next()
    }
  },
  {
    name: "chunks of an answer",
    application: { nes: { payload: { maxChunkChars: 50 } } },
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "request", method: "GET", path: "/long/120" })
      await a.ask({ type: "request", method: "GET", path: "/json-string-charset" })
    }
  }
]

const heartbeat = { interval: 60, timeout: 30 }
/** For scripts that answer in time: a busy machine must not make them late. */
const patient = { interval: 200, timeout: 100 }
/** Half of the timeout is before each beat: whoever is sent something then needs no ping. */
const rare = { interval: 2000, timeout: 1900 }
const ping = "{\"type\":\"ping\"}"

const heartbeatScripts: ReadonlyArray<Script> = [
  {
    name: "heartbeat: a client that answers stays",
    application: { nes: { heartbeat: patient } },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      for (let beat = 1; beat <= 4; beat++) {
        await a.next()
        a.send({ type: "ping", id: beat })
      }
      a.terminate()
    },
    expect: { a: [welcome("a", 1, patient), ping, ping, ping, ping] }
  },
  {
    name: "heartbeat: a silent client is ended",
    application: { nes: { heartbeat: patient }, onDisconnection: "record" },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      await a.closed()
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "heartbeat: a connection that never said hello",
    application: { nes: { heartbeat, auth: false } },
    fence: false,
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.closed()
    }
  },
  {
    name: "heartbeat: every text counts",
    application: { nes: { heartbeat: patient } },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      for (let beat = 1; beat <= 4; beat++) {
        await a.next()
        a.send({ type: "nonsense", id: beat })
        await a.next()
      }
      a.terminate()
    }
  },
  {
    name: "heartbeat: an answer in progress keeps the connection",
    application: { nes: { heartbeat: patient } },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "request", id: 5, method: "GET", path: "/hang" })
      await a.messages(4)
      a.terminate()
    },
    expect: { a: [welcome("a", 1, patient), ping, ping, ping, ping], record: ["hanging []"] }
  },
  {
    name: "heartbeat: a client that was sent something shortly before",
    application: { nes: { heartbeat: rare } },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      await wait(1500)
      await stage.control("socket", a.id, "send", 1)
      await wait(1000)
      a.terminate()
    },
    expect: {
      a: [welcome("a", 1, rare), "{\"type\":\"update\",\"message\":1}"],
      control: ["socket: \"done\""]
    },
    difference: {
      id: "S-heartbeat-quiet",
      peer: ({ a = [], ...ours }) => ({ a: [...a, ping], ...ours })
    }
  },
  {
    name: "heartbeat: off",
    application: { nes: { heartbeat: false } },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      await a.closed(150)
    },
    expect: { a: [welcome("a", 1, false), "(still open)"] }
  }
]

const limitScripts: ReadonlyArray<Script> = [
  {
    name: "maxConnections",
    application: { nes: { maxConnections: 2 }, onConnection: "record", onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a")
      await stage.open("b")
      const c = await stage.connect("c")
      await c.closed()
      await a.close()
      await stage.recorded("onConnection")
      await stage.recorded("onConnection")
      await stage.recorded("onDisconnection")
      await stage.open("d")
      await stage.recorded("onConnection")
    },
    expect: {
      a: [welcome("a"), "closed 1005"],
      b: [welcome("b")],
      c: ["closed 1005"],
      d: [welcome("d")],
      record: [
        "onConnection [\"<a>\",{\"isAuthenticated\":false,\"credentials\":null}]",
        "onConnection [\"<b>\",{\"isAuthenticated\":false,\"credentials\":null}]",
        "onDisconnection [\"<a>\",{\"isAuthenticated\":false,\"credentials\":null}]",
        "onConnection [\"<d>\",{\"isAuthenticated\":false,\"credentials\":null}]"
      ]
    }
  },
  {
    name: "maxConnections counts those that never said hello",
    application: { nes: { maxConnections: 1 } },
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.fence()
      const b = await stage.connect("b")
      await b.closed()
    },
    expect: { b: ["closed 1005"] }
  },
  ...([
    ["a string", "http://good.example", "http://good.example", true],
    ["a list", ["http://one.example", "http://good.example"], "http://good.example", true],
    ["another", "http://good.example", "http://bad.example", false],
    ["none", "http://good.example", undefined, false],
    ["another of a list", ["http://one.example"], "http://two.example", false],
    ["a prefix of a list's item", ["http://good.example"], "http://good", false]
  ] as const).map(([name, origin, sent, allowed]): Script => ({
    name: `origin: ${name}`,
    application: { nes: { origin } },
    play: async (stage) => {
      const a = await stage.connect("a", sent === undefined ? {} : { origin: sent })
      if (!a.ended) {
        await a.hello()
      }
    },
    expect: { a: [allowed ? welcome("a") : "refused 401"] }
  })),
  {
    name: "origin: a part of the string",
    application: { nes: { origin: "http://good.example" } },
    play: async (stage) => {
      const a = await stage.connect("a", { origin: "http://good" })
      if (!a.ended) {
        await a.hello()
      }
    },
    expect: { a: ["refused 401"] },
    difference: { id: "S-origin-exact", peer: { a: [welcome("a")] } }
  }
]

const stopScripts: ReadonlyArray<Script> = [
  {
    name: "stop closes sockets, and publish, broadcast and eachSocket then do nothing",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/o", "/hooked/x"] })
      await stage.control("stop")
      await a.closed()
      await stage.control("publish", "/o", 1)
      await stage.control("broadcast", 1)
      await stage.control("eachSocket")
    }
  },
  {
    name: "stop closes a socket that has not said hello",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.fence()
      await stage.control("stop")
      await a.closed()
    }
  },
  {
    name: "stop while an answer is pending",
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "request", id: 5, method: "GET", path: "/hang" })
      await stage.recorded("hanging")
      await stage.control("stop")
      await a.closed()
    },
    difference: {
      id: "S-stop-waits",
      peer: ({ a = [], ...ours }) => ({ ...ours, a: [...a.slice(0, -1), "closed 1005"] })
    }
  },
  {
    name: "a server that has stopped starts again",
    play: async (stage) => void await stage.control("restart"),
    expect: { control: ["restart: \"open\""] },
    difference: { id: "S-restart", peer: { control: ["restart: \"Unexpected server response: 200\""] } }
  },
  {
    name: "plain HTTP goes on beside sockets",
    play: async (stage) => {
      await stage.open("a")
      await stage.http("/object")
      await stage.http("/missing")
      await stage.http("/echo", {}, "POST")
    }
  }
]

const declarationScripts: ReadonlyArray<Script> = [
  ...([
    ["without a path", undefined, undefined],
    ["with an empty path", "", undefined],
    ["with an unknown option", "/new", { nonsense: true }],
    ["with a filter that is no function", "/new", { filter: 5 }],
    ["with an unknown mode", "/new", { auth: { mode: "try" } }],
    ["with an empty scope", "/new", { auth: { scope: [] } }],
    ["with an unknown entity", "/new", { auth: { entity: "robot" } }],
    ["with auth true", "/new", { auth: true }],
    ["with auth null", "/new", { auth: null }],
    ["without a slash", "new", undefined],
    ["with a path that exists", "/o", undefined],
    ["with a path that conflicts", "/item/{other}", undefined],
    ["with a broken path", "/new/{", undefined],
    ["that is fine", "/new/{id}", { auth: { mode: "optional", scope: "a", entity: "any", index: true } }]
  ] as const).map(([name, path, options]): Script => ({
    name: `subscription ${name}`,
    play: async (stage) => void await stage.control("subscription", path, options)
  })),
  {
    name: "subscription declared while running",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "sub", path: "/new/5" })
      await stage.control("subscription", "/new/{id}")
      await a.ask({ type: "sub", path: "/new/5" })
      await stage.control("publish", "/new/5", 1)
    },
    expect: {
      a: [
        welcome("a"),
        error(404, "Subscription not found", { type: "sub", id: 2, path: "/new/5" }),
        "{\"type\":\"sub\",\"id\":3,\"path\":\"/new/5\"}",
        "{\"type\":\"pub\",\"path\":\"/new/5\",\"message\":1}"
      ],
      control: ["subscription: \"done\"", "publish: \"done\""]
    },
    difference: failedSubPath
  }
]

const options = (name: string, nes: Readonly<Record<string, unknown>>): Script => ({
  name: `options ${name}`,
  application: { nes },
  play: async (stage) => void await stage.open("a")
})

/** Registrations; those that are refused never open, and the refusal's first line is what is compared. */
const registrationScripts: ReadonlyArray<Script> = [
  options("none", {}),
  options("auth false", { auth: false }),
  options("unknown", { nonsense: true }),
  {
    ...options("auth true", { auth: true }),
    expect: { registration: ["Invalid nes configuration"] },
    difference: {
      id: "S-option-checks",
      peer: { registration: ["Cannot create property 'minAuthVerifyInterval' on boolean 'true'"] }
    }
  },
  ...([
    ["maxConnections a text", { maxConnections: "5" }, welcome("a")],
    ["unknown, and null", { nonsense: null }, welcome("a")]
  ] as const).map(([name, nes, peer]): Script => ({
    ...options(name, nes),
    expect: { registration: ["Invalid nes configuration"] },
    difference: { id: "S-option-checks", peer: { a: [peer] } }
  })),
  ...["presence", "history"].map((decorated): Script => ({
    name: `server.${decorated} is the application's`,
    application: { decorated },
    play: async (stage) => void await stage.open("a"),
    expect: { registration: [`Server decoration already defined: ${decorated}`] },
    difference: { id: "S-decorations", peer: { a: [welcome("a")] } }
  })),
  options("auth type", { auth: { type: "nonsense" } }),
  options("auth unknown", { auth: { nonsense: true } }),
  options("heartbeat timeout over interval", { heartbeat: { interval: 10, timeout: 10 } }),
  options("heartbeat zero", { heartbeat: { interval: 0, timeout: 0 } }),
  options("heartbeat true", { heartbeat: true }),
  options("headers empty", { headers: [] }),
  options("headers a string", { headers: "x-custom" }),
  options("maxChunkChars zero", { payload: { maxChunkChars: 0 } }),
  options("maxChunkChars fraction", { payload: { maxChunkChars: 1.5 } }),
  options("maxConnections zero", { maxConnections: 0 }),
  options("maxConnections false", { maxConnections: false }),
  options("origin empty", { origin: [] }),
  options("origin number", { origin: 5 }),
  options("maxConnectionsPerUser without index", { auth: { maxConnectionsPerUser: 1 } }),
  options("minAuthVerifyInterval under the heartbeat", { auth: { minAuthVerifyInterval: 10 } }),
  options("auth timeout zero", { auth: { timeout: 0 } }),
  options("isSameSite None", { auth: { isSameSite: "None" } }),
  options("onMessage no function", { onMessage: 5 }),
  ...["auth", "headers", "payload", "heartbeat", "maxConnections", "origin", "onConnection"].map((name) =>
    options(`${name} null`, { [name]: null })
  ),
  ...["endpoint", "id", "type", "route", "password", "iron", "cookie", "isSecure", "isSameSite", "index", "timeout"]
    .map(
      (name) => options(`auth.${name} null`, { auth: { [name]: null } })
    ),
  ...["endpoint", "id", "cookie", "path", "domain", "password", "route"].map((name) =>
    options(`auth.${name} empty`, { auth: { [name]: "" } })
  ),
  options("origin an empty string", { origin: "" }),
  options("headers with an empty name", { headers: [""] }),
  options("heartbeat.timeout null", { heartbeat: { timeout: null } }),
  options("payload.maxChunkChars null", { payload: { maxChunkChars: null } })
]

const upgradeScripts: ReadonlyArray<Script> = [
  {
    name: "upgrade to what is no WebSocket",
    play: async (stage) => void await stage.http("/", { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c" }),
    expect: { http: ["200 [] hello"] },
    difference: { id: "S-upgrades", peer: { http: ["400 [] Invalid Upgrade header"] } }
  }
]

export const connections: ReadonlyArray<Script> = [
  ...upgradeScripts,
  ...headerScripts,
  ...chunkScripts,
  ...heartbeatScripts,
  ...limitScripts,
  ...stopScripts,
  ...declarationScripts,
  ...registrationScripts
]
