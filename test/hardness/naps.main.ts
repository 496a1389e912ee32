/** `npm run naps [-- server]`: a hundred naps of each kind, or of those whose name begins so. */
import { launch } from "../browser/Chromium.js"
import * as FrozenPage from "../browser/FrozenPage.js"
import * as Figures from "./Figures.js"
import * as Naps from "./Naps.js"

const naps = 100
const browser = await launch()

const kinds: Readonly<Record<string, () => Promise<Naps.Figures>>> = {
  "Client, SIGSTOP": () => Naps.client("Client", "SIGSTOP", naps),
  "Client, busy loop": () => Naps.client("Client", "busy loop", naps),
  "NesClient, SIGSTOP": () => Naps.client("NesClient", "SIGSTOP", naps),
  "NesClient, busy loop": () => Naps.client("NesClient", "busy loop", naps),
  "server, SIGSTOP": () => Naps.server("SIGSTOP", naps),
  "server, busy loop": () => Naps.server("busy loop", naps),
  "clients of a server, SIGSTOP": () => Naps.clients(naps),
  "page, stopped": () => FrozenPage.client(browser, "stopped", naps),
  "page, paused": () => FrozenPage.client(browser, "paused", naps)
}

const faults: Array<string> = []
let disconnects = 0
let timeouts = 0
let repeated = 0
const wanted = Object.entries(kinds).filter(([kind]) => kind.startsWith(process.argv[2] ?? ""))
for (const [kind, run] of wanted) {
  const { faults: theirs, ...figures } = await run()
  faults.push(...theirs.map((fault) => `${kind}: ${fault}`))
  disconnects += figures.disconnects
  timeouts += figures.timeouts
  repeated += figures.repeated
  console.log(Figures.line(kind, { ...figures }))
}
await browser.close()
Figures.finish(
  Figures.line("naps", { naps: naps * wanted.length, disconnects, timeouts, repeated }),
  faults
)
