/** `npm run soak -- --seconds N`: connections that come and go; afterwards nothing is left of them. */
import * as Figures from "./Figures.js"
import * as Soak from "./Soak.js"

const { seconds } = Figures.parse(600)
const { faults, growth, ...figures } = await Soak.run(seconds)
Figures.finish(Figures.line("soak", { ...figures, "heap growth (kB)": growth }), faults)
