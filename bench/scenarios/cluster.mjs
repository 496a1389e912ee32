/** Two nodes and a Redis between them: see measures/cluster.mjs. */
const targets = { "socket.io-redis": 0.7, local: 1.1, "local-redis": 1.1 }

export const cluster = [
  {
    name: "cluster",
    kind: "cluster",
    subject: "effect-nes-redis",
    peers: ["effect-nes-redis", "socket.io-redis", "local", "local-redis"],
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
  }
]
