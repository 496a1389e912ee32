/** `npm run restart`: a server restarted three times under a thousand clients. */
import * as Figures from "./Figures.js"
import * as Restart from "./Restart.js"

const { faults, histogram, ...figures } = await Restart.run({ clients: 1000, restarts: 3 })
const most = Math.max(...histogram)
console.log("reconnects by the time since the loss:")
for (const [index, count] of histogram.entries()) {
  if (count > 0) {
    console.log(`${String(index * 100).padStart(6)} ms ${"#".repeat(Math.ceil(60 * count / most))} ${count}`)
  }
}
Figures.finish(Figures.line("restart", figures), faults)
