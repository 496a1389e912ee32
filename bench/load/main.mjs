/**
 * The load process: drives whatever server it is pointed at, and is a server for measured clients. It is never what is
 * measured.
 */
import { serve } from "../process/Commands.mjs"
import { Asker } from "./Asker.mjs"
import { Feeder } from "./Feeder.mjs"
import { Fleet } from "./Fleet.mjs"
import { Flooder } from "./Flooder.mjs"

/** @type {Fleet} */
let fleet
/** @type {Feeder} */
let feeder
/** @type {Asker} */
let asker
/** @type {Flooder} */
let flooder

serve({
  target: (server) => {
    fleet = new Fleet(server)
  },
  connect: (options) => fleet.connect(options),
  drop: () => fleet.drop(),
  listen: (expected) => fleet.listen(expected),
  drain: (expected) => fleet.drain(expected),
  clock: (expected) => fleet.clock(expected),
  arrived: () => fleet.arrived(),
  ignore: () => fleet.ignore(),
  request: (options) => fleet.request(options),
  answerHeartbeats: (options) => fleet.answerHeartbeats(options),
  answer: () => fleet.answer(),
  heartbeat: () => fleet.heartbeat(),
  asker: (options) => {
    asker = new Asker()
    return asker.open(options)
  },
  askEvery: (options) => (asker.asking = asker.askEvery(options)),
  endAsking: () => asker.end(),
  flood: (options) => {
    flooder = new Flooder()
    return flooder.start(options)
  },
  endFlood: () => flooder.stop(),
  feed: () => {
    feeder = new Feeder()
    return feeder.listen()
  },
  pour: (options) => feeder.pour(options),
  drip: (options) => feeder.drip(options),
  close: async () => {
    await fleet?.close()
    fleet = undefined
    asker?.close()
    asker = undefined
    feeder?.close()
    feeder = undefined
  }
})
