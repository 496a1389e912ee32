/**
 * A worker that publishes and serves no one: `REDIS_URL=redis://localhost:6379 node --import tsx examples/publisher.ts 5 shipped`.
 * Beside `npm run cluster`, which prints its Redis, the clients hear it.
 */
import { publisher } from "effect-nes/redis"

const [id = "5", status = "shipped"] = process.argv.slice(2)
const nes = await publisher(process.env.REDIS_URL ?? "redis://localhost:6379", {
  subscriptions: { "/item/{id}": { recovery: true } }
})
await nes.publish(`/item/${id}`, { status })
const { nodes, total } = await nes.count(`/item/${id}`)
console.log(`published to ${total} subscribers on ${nodes} nodes`)
await nes.close()
