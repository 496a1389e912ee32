/** Two nodes and a Redis between them: see measures/cluster.mjs, measures/recovery.mjs and measures/paths.mjs. */
const targets = { "socket.io-redis": 0.55, local: 1.1, "local-redis": 1.1, "limit-redis": 1.2 }

const kept = "effect-nes-redis-kept"
const plain = "effect-nes-redis"

const of = (name) => name.endsWith("-plain") ? plain : kept

const each = (name, metric, title, targets = {}) => ({
  name,
  subject: of(name),
  metric,
  title,
  unit: "µs/publish",
  targets
})

const atRest = (name, metric, title, unit) => ({ name, subject: of(name), metric, title, unit, targets: {} })

export const cluster = [
  {
    name: "cluster",
    kind: "cluster",
    subject: "effect-nes-redis",
    peers: ["effect-nes-redis", "socket.io-redis", "local", "local-redis", "limit-redis"],
    rows: [
      { metric: "cost", title: "through Redis to 1,000 on another node, 200 B", unit: "µs/delivery", targets },
      { metric: "p50", title: "… publish to last delivery, median", unit: "ms", targets: {} },
      {
        metric: "p99",
        title: "… publish to last delivery, 99th percentile",
        unit: "ms",
        targets: { "socket.io-redis": 1 }
      }
    ],
    server: { subscription: "/updates" },
    connections: 1000,
    paths: ["/updates"],
    body: 200 - 24,
    perTick: 1,
    ticksPerRound: 1,
    warmup: 40,
    ticks: 300
  },
  {
    name: "redis-recovery",
    kind: "recovery",
    subject: kept,
    peers: [kept, plain],
    rows: [
      each("redis-plain", "publishing", "plain publish through Redis to a client: the publisher"),
      each("redis-plain", "node", "… the client's node"),
      each("redis-plain", "redis", "… Redis"),
      { ...each("redis-plain", "rate", "… on 64 paths at a time"), unit: "publishes/s" },
      each("redis-recovery", "publishing", "kept publish through Redis to a client: the publisher", { [plain]: 1.3 }),
      each("redis-recovery", "node", "… the client's node"),
      each("redis-recovery", "redis", "… Redis"),
      { ...each("redis-recovery", "rate", "… on 64 paths at a time"), unit: "publishes/s" }
    ],
    server: { subscription: "/item/{id}" },
    paths: Array.from({ length: 64 }, (_, n) => `/item/${n}`),
    body: "x".repeat(200 - 24),
    warmup: 100,
    each: 300
  },
  {
    name: "paths",
    kind: "paths",
    subject: kept,
    peers: [kept, plain],
    // It takes a minute, and varies little.
    once: true,
    rows: [
      atRest("paths-plain", "memory", "100,000 paths at rest: heap of the node", "B/path"),
      atRest("paths-plain", "cpu", "… CPU of the node", "% of a core"),
      {
        ...atRest("paths-recovery", "memory", "100,000 paths with recovery at rest: heap of the node", "B/path"),
        most: 1500
      },
      { ...atRest("paths-recovery", "cpu", "… CPU of the node", "% of a core"), most: 3 },
      { ...atRest("paths-recovery", "writes", "… written to Redis, beside signs of life", "commands/s"), most: 0 },
      {
        ...atRest("paths-caught-up", "caughtUp", "… all caught up with after its connections were killed", "s"),
        most: 5
      }
    ],
    server: {
      subscription: "/item/{id}",
      limits: { maxSubscriptions: false, maxHelloSubs: false, maxMessagesPerSecond: false }
    },
    count: 100_000,
    rest: 15_000,
    probes: 100
  },
  {
    name: "cores",
    kind: "cores",
    subject: plain,
    peers: [plain, "effect-nes"],
    processes: 2,
    rows: [
      {
        metric: "cost",
        title: "2,000 subscribers of two processes on one Redis: the busier one",
        unit: "µs/delivery",
        // 1.7 times as many deliveries a second as one process makes.
        targets: { "effect-nes": 0.588 }
      },
      { metric: "rate", title: "… as time passed, with the loads", unit: "deliveries/s", targets: {} }
    ],
    server: { subscription: "/updates" },
    connections: 2000,
    paths: ["/updates"],
    body: 200 - 24,
    perTick: 1,
    ticksPerRound: 1,
    warmup: 40,
    ticks: 100
  }
]
