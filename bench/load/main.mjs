/**
 * The load process: drives whatever server it is pointed at, and is a server for measured clients. It is never what is
 * measured.
 */
import { serve } from "../process/Commands.mjs"
import { Feeder } from "./Feeder.mjs"
import { Fleet } from "./Fleet.mjs"

/** @type {Fleet} */
let fleet
/** @type {Feeder} */
let feeder

serve({
  target: (server) => {
    fleet = new Fleet(server)
  },
  connect: (options) => fleet.connect(options),
  listen: (expected) => fleet.listen(expected),
  drain: (expected) => fleet.drain(expected),
  arrived: () => fleet.arrived(),
  request: (options) => fleet.request(options),
  answerHeartbeats: (options) => fleet.answerHeartbeats(options),
  answer: () => fleet.answer(),
  heartbeat: () => fleet.heartbeat(),
  feed: () => {
    feeder = new Feeder()
    return feeder.listen()
  },
  pour: (options) => feeder.pour(options),
  drip: (options) => feeder.drip(options),
  close: async () => {
    await fleet?.close()
    fleet = undefined
    feeder?.close()
    feeder = undefined
  }
})
