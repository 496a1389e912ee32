/** A victim in a process of its own: how long it waits is the server's doing alone. */
import { serve } from "../harness/ChildEndpoint.js"
import { type House, Victim } from "./Victim.js"

let victim: Victim | undefined

serve({
  live: (house) => {
    victim = new Victim(house as House)
    return victim.welcomed
  },
  rest: () => victim?.rest(),
  resume: () => victim?.resume(),
  /** Ends its life; how it was. */
  leave: async () => {
    await victim?.stop()
    return { latencies: victim?.latencies ?? [], grievances: victim?.grievances ?? [] }
  }
})
