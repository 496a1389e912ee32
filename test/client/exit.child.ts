/** A client that is done with, in one way or another: nothing of it is left to keep this program from its end. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Client } from "../../src/client/Client.js"
import * as NesClient from "../../src/client/NesClient.js"

const [who, how, url = "", dead = ""] = process.argv.slice(2)

const plain = async (): Promise<void> => {
  const client = new Client(how === "disconnected while reconnecting" || how === "refused" ? dead : url, {
    timeout: 60_000
  })
  client.onError = null
  switch (how) {
    case "made":
      return
    case "disconnected":
      await client.connect({ timeout: 60_000, helloTimeout: 60_000 })
      await client.subscribe("/item/5", () => {})
      await client.message("hello")
      return client.disconnect()
    case "refused":
      return client.connect({ reconnect: false, timeout: 60_000 }).catch(() => {})
    default:
      await client.connect({ delay: 60_000 }).catch(() => {})
      return client.disconnect()
  }
}

const effect = async (): Promise<void> => {
  const scope = Scope.makeUnsafe()
  const made = NesClient.make({
    url: how === "disconnected while reconnecting" || how === "refused" ? dead : url,
    connect: how !== "made",
    timeout: "1 minute",
    connectTimeout: "1 minute",
    reconnect: how === "refused" ? false : { delay: "1 minute", maxDelay: "1 minute" }
  })
  const client = await Effect.runPromise(Effect.option(Scope.provide(made, scope)))
  if (how === "disconnected" && client._tag === "Some") {
    const hearing = Effect.runFork(Stream.runDrain(client.value.subscribe("/item/5")))
    await Effect.runPromise(client.value.message("hello"))
    hearing.interruptUnsafe()
  }
  await Effect.runPromise(Scope.close(scope, Exit.void))
}

await (who === "Client" ? plain() : effect())
console.log("end")
