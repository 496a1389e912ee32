/** What a connection costs to open, to keep, and to keep alive. */
const peers = ["effect-nes", "nes", "socket.io", "limit"]

export const connections = [
  {
    name: "connections",
    kind: "connections",
    peers,
    server: { subscription: "/item/{id}" },
    paths: ["/item/5"],
    warmup: 1000,
    connections: 3000,
    rows: [
      {
        name: "idle-heap",
        title: "idle connection with one subscription: heap",
        metric: "heap",
        unit: "B/connection",
        targets: { nes: 0.8 }
      },
      {
        name: "connect",
        title: "connect + hello + subscribe",
        metric: "cost",
        unit: "µs/connection",
        targets: { nes: 1 }
      }
    ]
  },
  {
    name: "heartbeat",
    kind: "heartbeat",
    peers,
    server: { subscription: "/item/{id}", heartbeat: { interval: 2000, timeout: 800 } },
    connections: 5000,
    paths: ["/item/5"],
    body: 176,
    warmup: 15,
    rounds: 2,
    rows: [
      {
        name: "heartbeat",
        title: "heartbeat round over 5,000 idle connections: pings and check",
        metric: "cost",
        unit: "ms/round",
        targets: { nes: 0.4 }
      },
      {
        name: "heartbeat-answered",
        title: "the same with the clients' answers",
        metric: "answered",
        unit: "ms/round",
        targets: { nes: 0.4 }
      }
    ]
  }
]
