const assert = require("node:assert/strict")

/** Starts a hapi server, and calls, subscribes and receives over a real socket. */
exports.roundTrip = async (Hapi, registration, Client) => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0 })
  await server.register(registration)
  server.route({ method: "GET", path: "/hello", handler: () => ({ hello: "world" }) })
  server.subscription("/item/{id}")
  await server.start()

  const client = new Client(`ws://127.0.0.1:${server.info.port}`)
  await client.connect()
  const { payload, statusCode } = await client.request("/hello")
  assert.deepEqual({ payload, statusCode }, { payload: { hello: "world" }, statusCode: 200 })

  const update = new Promise((resolve) => client.subscribe("/item/5", resolve).then(() => server.publish("/item/5", 7)))
  assert.equal(await update, 7)

  await client.disconnect()
  await server.stop()
}
