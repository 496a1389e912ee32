/** How long an answer takes beside a client that sends as fast as it can, over how long it takes without. */
import { small } from "../servers/Application.mjs"

const row = (name, subject, title) => ({ name, subject, title, unit: "×", metric: "ratio", most: 2, targets: {} })

const flood = (kind, title, peers = ["nes"]) => ({
  name: `victim-${kind}`,
  kind: "victim",
  flood: kind,
  // Closing it would be too easy.
  server: { subscription: "/updates", limits: { maxErrors: false, maxMessagesPerSecond: false } },
  peers: ["effect-nes", "effect-http", ...peers],
  path: "/small",
  result: small,
  // One request each so many milliseconds, and when to make no more.
  every: 5,
  requests: 300,
  within: 5000,
  rows: [
    row(`victim-${kind}`, "effect-nes", `an answer beside a flood of ${title}, over one without, medians`),
    row(`victim-${kind}-http`, "effect-http", "… Effect server without hapi")
  ]
})

export const victims = [
  flood("request", "requests"),
  flood("malformed", "what is no JSON"),
  flood("refused", "subscriptions that are refused"),
  // nes closes it: it does not wait for its own pongs to be read.
  flood("ping", "the WebSocket's pings", []),
  flood("fragment", "fragments of a byte"),
  flood("heavy", "messages of 1 MB of brackets")
]
