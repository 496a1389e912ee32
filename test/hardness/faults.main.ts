/** `npm run faults`: a network that fails in every way, between a real client and a real server. */
import * as Faults from "./Faults.js"
import * as Figures from "./Figures.js"

const { faults, ...figures } = await Faults.run(25)
Figures.finish(Figures.line("faults", figures), faults)
