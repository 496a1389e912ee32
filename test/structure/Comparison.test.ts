/** What the README's table of features says is shown by tests that exist: of us, and of the peers that run in tests. */
import { expect, it } from "vitest"
import { read } from "./Repository.js"
import { missing, type Shown } from "./Titles.js"

const recovers = "gets what it missed, once and in order, over any number of reconnects"
const list = "is told at a path of its own: the whole list first, then who joins, changes and leaves, one entry a user"

/** What shows each line, of us and of others. */
const lines: Readonly<Record<string, Shown>> = {
  "calls the routes of the application": {
    "hapi/Requests.test.ts": [
      "`options` is an object: `path` is a path or a route id; `method` is any that the server has, GET by default"
    ],
    "interop/interop.test.ts": ["requests"]
  },
  "its authentication and access rules": {
    "hapi/SubscriptionAuth.test.ts": [
      "`auth`: `false`, `mode`, `scope`, `entity`",
      "without `auth`: the server's default authentication"
    ],
    "interop/interop.test.ts": ["authenticates, and is refused when it does not"]
  },
  "subscriptions to paths with parameters": {
    "hapi/Subscriptions.test.ts": ["`path`: may contain path parameters as supported by the hapi route path parser"],
    "interop/interop.test.ts": ["subscribes and receives what is published, as far as the filter lets it"]
  },
  "filters for each subscriber, in code": {
    "hapi/Filter.test.ts": ["the answer: `next(isMatch, [override])`, a value, a Promise or an Effect"],
    "interop/Comparison.test.ts": [
      "has filters and a first value in the handler's own Stream, which fails when its connection is lost"
    ]
  },
  "contracts checked at run time": {
    "contract/Contract.test.ts": ["a message that does not decode names its path and fails its own Stream alone"]
  },
  "an update missed while away, in order and once": {
    "hapi/Recovery.test.ts": [recovers],
    "interop/Comparison.test.ts": [
      "sends what was missed, or tells by the session that it cannot; nothing of before to a new socket",
      "loses what is published while a client is away, and tells nobody; knows the sockets of a path"
    ]
  },
  "gaps are told": { "hapi/Recovery.test.ts": ["is told of a gap that cannot be filled"] },
  "the last updates for a new subscriber": {
    "hapi/History.test.ts": [
      "gets them first, with a sub before its answer and with a hello behind it, then what follows"
    ]
  },
  "the last value first": {
    "hapi/Snapshot.test.ts": [
      "is the last message of the path, sent first; none before there is one, and none of a single user's"
    ]
  },
  "a snapshot of the application's, with no update lost or twice after it": {
    "hapi/Snapshot.test.ts": ["lose no update and see none twice, whenever it is published (recovery: %s)"],
    "interop/Comparison.test.ts": ["has no `%s` of a subscription"]
  },
  "presence: who, with a value, and how many": {
    "hapi/Presence.test.ts": [
      list,
      "tells only how many there are where no list is wanted, and not more often than once a second"
    ]
  },
  "nobody leaves who is back at once": {
    "cluster/Presence.test.ts": [
      "nobody is told of a client that is on another node within the grace period, whatever became of its own"
    ],
    "interop/Comparison.test.ts": [
      "lists the sockets of a room, with their data, not who is back at once; disconnects unconfirmed"
    ]
  },
  "several nodes": {
    "redis/RedisBroker.test.ts": ["on $program, cluster: $cluster"],
    "interop/Comparison.test.ts": ["has no option `%s`"]
  },
  "revoke and disconnect on all nodes, confirmed": {
    "cluster/ClusterNode.test.ts": [
      "an order ends when the others have carried it out, in order, and at once",
      "an order fails while a node is cut off, which carries it out before it hears anything else"
    ]
  },
  "an API over HTTP, with idempotency keys and OpenAPI": {
    "hapi/Api.test.ts": [
      "is called by curl as the documentation says",
      "does once what is asked with one key, and says so when the key stands for something else",
      "describes itself in OpenAPI"
    ]
  },
  "clients of `@hapi/nes` and nes 6 work": {
    "interop/interop.test.ts": ["connects", "reconnects with its subscriptions"]
  },
  "clients in many languages": { "interop/interop.test.ts": ["sends messages"] },
  "a fallback without WebSockets": {
    "interop/Comparison.test.ts": ["answers where WebSockets do not get through", "answers over HTTP"]
  }
}

const table = read("README.md").split("\n\n").find((block) => block.startsWith("| feature"))?.split("\n")
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim())) ?? []

it("every line of the table is shown by tests that are there", () => {
  const [head, , ...rows] = table
  expect(head?.at(-1)).toBe("shown by")
  expect(rows.map(([feature]) => feature)).toEqual(Object.keys(lines))
  expect(rows.filter((row) => row.length !== head?.length || row.includes(""))).toEqual([])
  for (const [feature = "", , , , , , file] of rows) {
    const shown = lines[feature] ?? {}
    expect([feature, file]).toEqual([feature, `\`test/${Object.keys(shown)[0]}\``])
    expect(missing(shown)).toEqual([])
  }
})
