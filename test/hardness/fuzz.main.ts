/** `npm run fuzz -- --seconds N [--seed N] [--peer @hapi/nes]`: mutated sessions against servers and clients. */
import * as ClientFuzz from "./ClientFuzz.js"
import * as Figures from "./Figures.js"
import * as ServerFuzz from "./ServerFuzz.js"

const { peer, seconds, seed } = Figures.parse(60)
const subjects: ReadonlyArray<ClientFuzz.Subject> = peer === "@hapi/nes" ? [peer] : ["Client", "NesClient"]

const server = await ServerFuzz.run(peer, { seconds: seconds / 2, seed })
const faults = [...server.faults]
const clients = { sessions: 0, messages: 0, calls: 0, deaths: 0, lost: 0, growth: 0 }
for (const subject of subjects) {
  const figures = await ClientFuzz.run(subject, { seconds: seconds / 2 / subjects.length, seed })
  faults.push(...figures.faults.map((fault) => `${subject}: ${fault}`))
  clients.sessions += figures.sessions
  clients.messages += figures.messages
  clients.calls += figures.calls
  clients.deaths += figures.deaths
  clients.lost += figures.lost
  clients.growth = Math.max(clients.growth, figures.growth)
}

Figures.finish(
  Figures.line(`fuzz ${peer}`, {
    "sessions at the server": server.sessions,
    "messages to it": server.messages,
    "answers": server.answers,
    "malformed": server.malformed,
    "hangs": server.hangs,
    "disturbed": server.disturbed,
    "sessions at the clients": clients.sessions,
    "messages to them": clients.messages,
    "calls ended": clients.calls - clients.lost,
    "lost": clients.lost,
    "deaths": server.deaths + clients.deaths,
    "heap growth (kB)": Math.max(server.growth, clients.growth)
  }),
  faults
)
