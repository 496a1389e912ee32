/** What a connection costs to open, to keep, and to keep alive. */
const peers = ["effect-nes", "nes", "socket.io", "limit"]

export const connections = [
  {
    name: "connections",
    kind: "connections",
    peers,
    server: { subscription: "/item/{id}" },
    paths: ["/item/5"],
    first: 1000,
    warmup: 2000,
    kept: 1000,
    connections: 3000,
    rows: [
      {
        name: "idle-heap",
        title: "idle connection with one subscription: heap",
        metric: "heap",
        unit: "B/connection",
        targets: { nes: 0.8 },
        most: 3200
      },
      {
        name: "connect",
        title: "connect + hello + subscribe",
        metric: "cost",
        unit: "µs/connection",
        targets: { nes: 0.85 }
      },
      {
        name: "connect-cold",
        title: "… the first 1,000 of a fresh process",
        metric: "cold",
        unit: "µs/connection",
        targets: { nes: null }
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
  },
  {
    name: "idle",
    kind: "idle",
    peers: ["effect-nes", "nes"],
    once: true,
    server: { subscription: "/item/{id}", heartbeat: { interval: 6000, timeout: 2000 } },
    connections: 50_000,
    paths: ["/item/5"],
    rows: [
      {
        name: "idle",
        title: "50,000 idle connections: how many the system allows",
        metric: "count",
        unit: "",
        targets: {}
      },
      {
        name: "idle-heap-many",
        title: "… heap, of each",
        metric: "heap",
        unit: "B/connection",
        targets: { nes: 0.8 }
      },
      {
        name: "idle-resident",
        title: "… resident memory, of each",
        metric: "resident",
        unit: "B/connection",
        targets: {}
      },
      {
        name: "idle-heartbeat",
        title: "… a heartbeat round, with the answers: CPU",
        metric: "round",
        unit: "ms/round",
        targets: { nes: 1 }
      },
      {
        name: "idle-loop",
        title: "… longest turn of the event loop in a round",
        metric: "loop",
        unit: "ms",
        targets: { nes: 1 }
      }
    ]
  },
  {
    name: "rehearsal",
    kind: "rehearsal",
    peers: ["effect-nes", "nes", "limit"],
    once: true,
    server: { subscription: "/item/{id}", heartbeat: { interval: 3500, timeout: 2000 } },
    connections: 50_000,
    paths: ["/item/5"],
    rows: [
      {
        name: "rehearsal-heap",
        title: "50,000 idle connections, rehearsed in memory: heap, of each",
        metric: "heap",
        unit: "B/connection",
        targets: { nes: 0.8 }
      },
      {
        name: "rehearsal-heartbeat",
        title: "… the pings of a heartbeat round, with the answers: CPU",
        metric: "round",
        unit: "ms/round",
        targets: { nes: 1 }
      },
      {
        name: "rehearsal-loop",
        title: "… longest turn of the event loop meanwhile",
        metric: "loop",
        unit: "ms",
        targets: { nes: 1 }
      }
    ]
  }
]
