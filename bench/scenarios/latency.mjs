/**
 * How long users wait: for an update that goes to a crowd, and for an answer while a crowd is served or everybody
 * reconnects. Milliseconds that pass; the rest of the suite tells CPU.
 */
import { small } from "../servers/Application.mjs"

const row = (name, title, metric, rest = {}) => ({ name, title, metric, unit: "ms", targets: {}, ...rest })

const base = {
  server: { subscription: "/updates" },
  paths: ["/updates"],
  // The JSON around the body is 24 B long.
  body: 200 - 24,
  warmup: 5,
  // What is asked for meanwhile, one request each so many milliseconds.
  path: "/small",
  result: small,
  every: 5
}

const crowd = (connections, publishes) => {
  const name = `latency-${connections}`
  return {
    ...base,
    name,
    kind: "latency",
    peers: ["effect-nes", "nes", "socket.io", "limit"],
    connections,
    publishes,
    rows: [
      row(name, `published to ${connections.toLocaleString("en")}: until the last has it, median`, "last50", {
        targets: { nes: 1, "socket.io": 1 }
      }),
      row(`${name}-last-p99`, "… 99th percentile", "last99"),
      row(`${name}-last-max`, "… longest", "last100"),
      row(`${name}-half`, "… until half of them have it, median", "half50", { targets: { nes: 1, "socket.io": 1 } }),
      row(`${name}-half-p99`, "… 99th percentile", "half99"),
      row(`${name}-half-max`, "… longest", "half100"),
      row(`${name}-asked`, "… until the last has it, while a client asks all the time, median", "asked50", {
        targets: { nes: 1, "socket.io": 1 }
      }),
      row(`${name}-loop`, "… longest turn of the event loop, median of the publishes", "loop50", { most: 5 }),
      row(`${name}-request`, "… a request made meanwhile, median", "request50", { most: 10 }),
      row(`${name}-request-p99`, "… 99th percentile", "request99"),
      row(`${name}-request-max`, "… longest", "request100")
    ]
  }
}

const requests = (name, title, median, tail) => [
  row(name, `${title}, median`, "request50", median),
  row(`${name}-p99`, "… 99th percentile", "request99", tail),
  row(`${name}-max`, "… longest", "request100")
]

export const latency = [
  crowd(1000, 50),
  crowd(10_000, 15),
  {
    ...base,
    name: "steady",
    kind: "steady",
    peers: ["effect-nes", "nes", "socket.io", "limit"],
    connections: 5000,
    perSecond: 10,
    publishes: 30,
    rows: requests("steady", "an answer while 5,000 hear 10 publishes a second", { most: 3 }, {
      targets: { nes: 0.25 }
    })
  },
  {
    ...base,
    name: "restart",
    kind: "restart",
    peers: ["effect-nes", "nes"],
    server: { subscription: "/updates", token: true },
    connections: 2000,
    restarts: 3,
    rows: [
      row("restart", "2,000 come back at once with tokens: until all are in", "all", { targets: { nes: 1 } }),
      ...requests("restart-request", "… an answer meanwhile", { targets: { nes: 1 } })
    ]
  }
]
