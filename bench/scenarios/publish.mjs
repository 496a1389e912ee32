/**
 * Publishing to many subscribers: server CPU per delivery (or per publish, where few of many match).
 *
 * `body` is the length of the message's text, chosen so that the message is 200 B or 4 kB of JSON. Unless told
 * otherwise every turn of the event loop publishes once, and the next waits until all of it has arrived.
 */
const servers = ["effect-nes", "nes", "socket.io", "limit"]
const compressed = "effect-nes-compressed"
const plugins = ["effect-nes", "nes", "limit"]

/** The JSON around the body: `{"seq":100000,"body":""}`. */
const around = 24
const small = 200 - around
const big = 4096 - around

const base = {
  kind: "publish",
  unit: "µs/delivery",
  per: "delivery",
  peers: servers,
  server: { subscription: "/updates" },
  connections: 1000,
  paths: ["/updates"],
  body: small,
  perTick: 1,
  ticksPerRound: 1,
  warmup: 40,
  ticks: 150
}

export const publish = [
  {
    ...base,
    name: "fanout-200",
    title: "fan-out, 1,000 subscribers, 200 B",
    targets: { nes: 0.45, "socket.io": 0.65, limit: 1.15 }
  },
  {
    ...base,
    name: "fanout-4k",
    title: "fan-out, 1,000 subscribers, 4 kB",
    body: big,
    targets: { nes: 0.25, "socket.io": 0.65, limit: 1.15 },
    warmup: 30,
    ticks: 100
  },
  {
    ...base,
    name: "burst",
    title: "burst: 10 publishes in one tick, 1,000 subscribers, 200 B",
    targets: { nes: 0.12 },
    perTick: 10,
    warmup: 5,
    ticks: 20
  },
  {
    ...base,
    name: "selective",
    title: "selective: 4,000 subscribers over 2,000 paths, publish to 2",
    unit: "µs/publish",
    per: "publish",
    targets: { nes: 0.03 },
    server: { subscription: "/item/{id}" },
    connections: 4000,
    paths: Array.from({ length: 2000 }, (_, n) => `/item/${1000 + n}`),
    // A turn delivers as much as in the other scenarios; much less, and waking the load would be most of the cost.
    perTick: 500,
    // Thousands of publishes warm a server up; in the whole crowd that would take nes a minute. One to each path, as what is
    // measured: several writes to a socket in a turn leave by another way.
    warmCrowd: { connections: 400, paths: 200, perTick: 200 },
    warmup: 60,
    // The first turn after the collection costs twice as much as the later ones.
    ticks: 24
  },
  {
    ...base,
    name: "filter",
    title: "fan-out with a synchronous filter, 200 B",
    peers: plugins,
    targets: { nes: 0.7 },
    server: { subscription: "/item/{id}", filter: "match" },
    paths: ["/item/5"],
    internal: { least: 100_000 }
  },
  {
    ...base,
    name: "user",
    title: "fan-out with `user`: 10 users, 100 connections each, 200 B",
    peers: plugins,
    targets: { nes: 0.7 },
    server: { subscription: "/updates", users: true },
    users: Array.from({ length: 10 }, (_, n) => `user${n}`),
    perTick: 10
  },
  {
    ...base,
    name: "chunking",
    title: "fan-out with chunking: 4 kB in 5 chunks",
    peers: plugins,
    targets: { nes: 0.7 },
    body: big,
    server: { subscription: "/updates", maxChunkChars: 1000 },
    warmup: 20,
    ticks: 40
  },
  {
    ...base,
    name: "tls",
    title: "fan-out over TLS, 200 B",
    peers: plugins,
    targets: { nes: 0.8, limit: 1.15 },
    server: { subscription: "/updates", secure: true },
    load: () => ({ secure: true }),
    ticks: 60
  },
  {
    ...base,
    name: "compressed",
    subject: compressed,
    peers: [compressed, "effect-nes"],
    words: true,
    body: big,
    load: (peer) => ({ compresses: peer === compressed }),
    warmup: 30,
    ticks: 60,
    rows: [
      { title: "fan-out compressed, 4 kB of words, beside not", targets: { "effect-nes": 1.1 }, metric: "cost" },
      {
        name: "compressed-bytes",
        title: "… bytes of the text, of each delivery",
        metric: "each",
        unit: "B/delivery",
        targets: { "effect-nes": 0.5 }
      }
    ]
  },
  {
    ...base,
    name: "override",
    title: "fan-out with overrides: a message of its own for each, 200 B",
    peers: plugins,
    targets: { nes: 0.7 },
    server: { subscription: "/item/{id}", filter: "override" },
    paths: ["/item/5"]
  },
  {
    ...base,
    kind: "growth",
    name: "growth",
    title: "growth: cost per delivery at 10,000 subscribers over that at 100",
    unit: "×",
    peers: ["effect-nes", "limit"],
    targets: { limit: 1.1 },
    from: { connections: 100, warmup: 500, ticks: 1500 },
    to: { connections: 10_000, warmup: 10, ticks: 30 }
  },
  {
    ...base,
    name: "contract-publish",
    title: "a contract's publish, to one subscriber, 200 B",
    unit: "µs/publish",
    per: "publish",
    subject: "effect-contract",
    peers: ["effect-contract", "effect-http"],
    targets: { "effect-http": 2 },
    connections: 1,
    perTick: 10,
    warmup: 1000,
    ticks: 3000
  }
]
