/** An auction house, written against `@hapi/nes` 14: async hooks, Promises. It prints what happens. */
import Basic from "@hapi/basic"
import Boom from "@hapi/boom"
import Hapi from "@hapi/hapi"
import Nes from "@hapi/nes"

const print = (...words) => console.log(...words.map((word) => typeof word === "string" ? word : JSON.stringify(word)))

const people = {
  anna: { user: "anna", scope: ["bidder", "lot-1", "lot-2"] },
  ben: { user: "ben", scope: ["bidder", "lot-1"] },
  carl: { user: "carl", scope: ["clerk", "lot-1"] }
}

const lots = new Map([["1", { id: "1", name: "Vase", price: 10 }], ["2", { id: "2", name: "Clock", price: 50 }]])
const watching = new Map()
const left = []

const server = Hapi.server({ port: 0, host: "localhost" })
await server.register(Basic)
server.auth.strategy("simple", "basic", {
  validate: (_request, name, password) => ({ isValid: password === "secret", credentials: people[name] })
})
server.auth.default("simple")

await server.register({
  plugin: Nes,
  options: {
    headers: ["x-lot"],
    auth: {
      type: "token",
      password: "some password that is long enough for iron",
      index: true,
      maxConnectionsPerUser: 2
    },
    onConnection: async (socket) => {
      socket.app.bids = 0
      await socket.send({ welcome: socket.auth.credentials.user })
    },
    onDisconnection: (socket) => {
      if ("bids" in socket.app) {
        left.push([socket.auth.credentials.user, socket.app.bids])
      }
    },
    onMessage: async (socket, message) => {
      if (message?.ask !== "time") {
        throw Boom.badRequest("Only the time is known here")
      }
      return { time: "noon", for: socket.auth.credentials.user }
    }
  }
})

server.subscription("/lot/{id}", {
  auth: { scope: ["lot-{params.id}"], index: true },
  filter: async (_path, message, { credentials, internal, params, socket }) => {
    if (internal?.except === socket.id) {
      return false
    }
    return credentials.scope.includes("clerk") ? { override: { ...message, lot: params.id, by: internal?.by } } : true
  },
  onSubscribe: async (socket, path, params) => {
    if (!lots.has(params.id)) {
      throw Boom.notFound("No such lot")
    }
    watching.set(path, (watching.get(path) ?? 0) + 1)
    await socket.publish(path, { price: lots.get(params.id).price })
  },
  onUnsubscribe: async (_socket, path) => {
    watching.set(path, watching.get(path) - 1)
  }
})

server.route([
  {
    method: "GET",
    path: "/lots",
    options: { id: "lots" },
    handler: () => [...lots.values()]
  },
  {
    method: "POST",
    path: "/lot/{id}/bid",
    options: { id: "bid", auth: { scope: "bidder" } },
    handler: async (request, h) => {
      const lot = lots.get(request.params.id)
      const { amount } = request.payload
      if (amount <= lot.price) {
        throw Boom.conflict("Too low", { price: lot.price })
      }
      lot.price = amount
      if (request.socket) {
        request.socket.app.bids++
      }
      await server.publish(`/lot/${lot.id}`, { price: amount }, {
        internal: { by: request.auth.credentials.user, except: request.socket?.id }
      })
      return h.response({ price: amount }).header("x-lot", lot.name).code(201)
    }
  },
  { method: "GET", path: "/over", handler: (request) => ({ socket: request.socket !== null }) }
])

await server.start()

const loginOf = (name) => ({ authorization: `Basic ${Buffer.from(`${name}:secret`).toString("base64")}` })

const enter = async (name) => {
  const login = await fetch(`${server.info.uri}/nes/auth`, { headers: loginOf(name) })
  const { token } = await login.json()
  const client = new Nes.Client(server.info.uri.replace("http", "ws"))
  const updates = []
  const waiting = []
  client.onUpdate = (message) => take("update", message)
  const take = (kind, message) => {
    updates.push([kind, message])
    waiting.shift()?.()
  }
  let shown = 0
  /** Waits for the next update and prints it. */
  const next = async () => {
    while (updates.length === shown) {
      await new Promise((resolve) => waiting.push(resolve))
    }
    print(`${name}:`, ...updates[shown++])
  }
  await client.connect({ auth: token, reconnect: false })
  await next()
  return { client, next, take }
}

const failure = (error) => `${error.type} ${error.statusCode} ${error.message}`

print("http:", await (await fetch(`${server.info.uri}/over`, { headers: loginOf("anna") })).json())

const anna = await enter("anna")
const ben = await enter("ben")
const carl = await enter("carl")

print("over:", (await anna.client.request("/over")).payload)
print("lots:", (await anna.client.request("lots")).payload)

for (const { client, next, take } of [anna, ben, carl]) {
  await client.subscribe("/lot/1", (message, flags) => take(flags.revoked ? "revoked" : "lot 1", message))
  await next()
}
print("refused:", await ben.client.subscribe("/lot/2", () => {}).catch(failure))
print("refused:", await anna.client.subscribe("/lot/9", () => {}).catch(failure))
print("refused:", await anna.client.subscribe("/lots", () => {}).catch(failure))

const bid = await anna.client.request({ method: "POST", path: "/lot/1/bid", payload: { amount: 12 } })
print("bid:", bid.statusCode, bid.payload, bid.headers)
await ben.next()
await carl.next()
const low = { method: "POST", path: "/lot/1/bid", payload: { amount: 11 } }
print("bid:", await ben.client.request(low).catch(failure))
print("bid:", await carl.client.request(low).catch(failure))
print("bid:", await ben.client.request({ ...low, headers: { Authorization: "x" } }).catch(failure))

print("message:", (await carl.client.message({ ask: "time" })).payload)
print("message:", await carl.client.message("hello").catch(failure))

await server.publish("/lot/1", { price: 12, reminder: true }, { user: "ben" })
await ben.next()
await server.broadcast("anna alone", { user: "anna" })
await anna.next()
await server.broadcast("closing soon")
for (const { next } of [anna, ben, carl]) {
  await next()
}

const users = []
await server.eachSocket(async (socket) => void users.push(socket.auth.credentials.user), { subscription: "/lot/1" })
print("watching:", users, watching.get("/lot/1"))

await anna.client.unsubscribe("/lot/1", null)
await server.eachSocket((socket) => socket.revoke("/lot/1", { sold: true }), { subscription: "/lot/1" })
await ben.next()
await carl.next()
print("watching:", watching.get("/lot/1"), ben.client.subscriptions())

const again = await enter("anna")
print("third:", await enter("anna").catch(() => "refused"))
const gone = new Promise((resolve) => {
  again.client.onDisconnect = (willReconnect, log) => resolve([willReconnect, log.code, log.wasClean, log.explanation])
})
let count = 0
await server.eachSocket(async (socket) => {
  if (socket.auth.credentials.user === "anna" && ++count === 2) {
    await socket.disconnect()
  }
})
print("disconnected:", await gone)
print("late:", await again.client.request("/lots").catch((error) => `${error.type} ${error.message}`))

for (const { client } of [anna, ben, carl]) {
  await client.disconnect()
}
await server.stop({ timeout: 1000 })
print("left, after bids:", left.sort())
print("stopped:", server.info.started)
