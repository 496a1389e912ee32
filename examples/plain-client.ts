/** The plain client, in callback and Promise style. */
import { Client } from "effect-nes/client"

const say = (text: string): void => console.log(`  plain client   ${text}`)

export const run = async (url: string): Promise<Client> => {
  const client = new Client(url)
  client.onConnect = () => say(`connected as ${client.id}`)
  client.onDisconnect = (willReconnect, log) => say(`disconnected: ${log.explanation}, reconnects: ${willReconnect}`)
  client.onUpdate = (message) => say(`broadcast ${JSON.stringify(message)}`)
  await client.connect({ delay: 300 })

  client.request("hello", (error, payload, statusCode) => {
    say(error ? error.message : `route id hello -> ${statusCode} ${JSON.stringify(payload)}`)
  })
  const { payload } = await client.message({ ping: 1 })
  say(`message -> ${JSON.stringify(payload)}`)
  await client.subscribe("/item/5", (message) => say(`/item/5 ${JSON.stringify(message)}`))
  say(`subscribed to ${client.subscriptions().join(", ")}`)
  return client
}
