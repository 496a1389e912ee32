/**
 * What a client spends: CPU of its process, fed by a raw server.
 *
 * Updates come in two ways: poured, so that one read brings many of them, and one by one, each in a read of its own. V8
 * has compiled what they pass through after some 30,000: until then, an update costs twice as much.
 */
const updates = {
  kind: "updates",
  unit: "µs/update",
  path: "/updates",
  body: 176,
  parts: 5
}

const poured = { ...updates, feed: "pour", clients: 1, warmup: 50_000, count: 400_000 }
const single = { ...updates, feed: "drip", clients: 50, warmup: 1000, count: 1500 }

const handler = { peers: ["effect-nes", "nes"], targets: { nes: 1 } }
const stream = { subject: "effect-nes-stream", peers: ["effect-nes-stream", "nes"], targets: { nes: 1.25 } }

const contract = {
  subject: "effect-nes-contract",
  peers: ["effect-nes-contract", "effect-nes-decoding"],
  targets: { "effect-nes-decoding": 1.5 }
}

export const clients = [
  {
    ...single,
    ...handler,
    targets: { nes: 0.95 },
    name: "client-update",
    title: "client: update to a handler, 200 B, one by one"
  },
  { ...poured, ...handler, name: "client-update-poured", title: "client: update to a handler, 200 B, poured" },
  {
    ...single,
    ...stream,
    peers: [...stream.peers, "limit"],
    name: "client-stream",
    title: "client: update to a Stream, 200 B, one by one"
  },
  { ...poured, ...stream, name: "client-stream-poured", title: "client: update to a Stream, 200 B, poured" },
  {
    ...single,
    ...contract,
    name: "client-contract",
    title: "client: update to a contract's Stream, 200 B, one by one"
  },
  {
    ...poured,
    ...contract,
    name: "client-contract-poured",
    title: "client: update to a contract's Stream, 200 B, poured"
  },
  {
    name: "client-request",
    title: "client: request, 64 in flight",
    kind: "calls",
    unit: "µs/request",
    path: "/item/5",
    result: { id: 5, status: "complete" },
    clients: 1,
    inFlight: 64,
    warmup: 10_000,
    total: 60_000,
    peers: ["effect-nes", "nes"],
    targets: { nes: 1.25 }
  }
]
