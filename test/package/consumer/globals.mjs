// Says which globals a server and a client add, which is what a test runner that looks for leaks complains of.
import Hapi from "@hapi/hapi"
import { roundTrip } from "./round-trip.cjs"

const before = Reflect.ownKeys(globalThis)
const { default: Nes } = await import("effect-nes/hapi")
await roundTrip(Hapi, Nes, Nes.Client)
console.log(Reflect.ownKeys(globalThis).filter((key) => !before.includes(key)).map(String).join("\n"))
