/** Calls of procedures beside Effect's own RPC: CPU of the server and of the client together. */
const base = {
  kind: "procedures",
  subject: "effect-nes-rpc",
  peers: ["effect-nes-rpc", "effect-rpc"],
  targets: { "effect-rpc": 1.1 },
  result: { id: 5, status: "complete" }
}

export const procedures = [
  {
    ...base,
    name: "rpc-unary",
    title: "RPC: calls, 32 in flight, client and server",
    unit: "µs/call",
    path: "Get",
    per: 1,
    inFlight: 32,
    warmup: 3000,
    total: 10_000
  },
  {
    ...base,
    name: "rpc-stream",
    title: "RPC: a Stream's values, ten to a message, client and server",
    unit: "µs/value",
    path: "Count",
    per: 1000,
    inFlight: 1,
    warmup: 10,
    total: 60
  }
]
