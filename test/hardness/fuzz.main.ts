/** `npm run fuzz -- --seconds N [--seed N] [--peer @hapi/nes]`: mutated sessions against servers and clients. */
import * as ClientFuzz from "./ClientFuzz.js"
import * as Figures from "./Figures.js"
import * as ServerFuzz from "./ServerFuzz.js"

const { peer, seconds, seed } = Figures.parse(60)
const doors: ReadonlyArray<ServerFuzz.Door> = peer === "@hapi/nes" ? [peer] : ["effect-nes", "NesHttpServer"]
const subjects: ReadonlyArray<ClientFuzz.Subject> = peer === "@hapi/nes" ? [peer] : ["Client", "NesClient"]

const faults: Array<string> = []
const servers = {
  sessions: 0,
  messages: 0,
  answers: 0,
  malformed: 0,
  hangs: 0,
  passed: 0,
  disturbed: 0,
  median: 0,
  deaths: 0,
  leaks: 0,
  growth: 0
}
for (const door of doors) {
  const figures = await ServerFuzz.run(door, { seconds: seconds / 2 / doors.length, seed })
  faults.push(...figures.faults.map((fault) => `${door}: ${fault}`))
  servers.sessions += figures.sessions
  servers.messages += figures.messages
  servers.answers += figures.answers
  servers.malformed += figures.malformed
  servers.hangs += figures.hangs
  servers.passed += figures.passed
  servers.disturbed += figures.disturbed
  servers.median = Math.max(servers.median, figures.latency.median)
  servers.deaths += figures.deaths
  servers.leaks += figures.leaks
  servers.growth = Math.max(servers.growth, figures.growth)
}
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
    "sessions at the servers": servers.sessions,
    "messages to them": servers.messages,
    "answers": servers.answers,
    "malformed": servers.malformed,
    "hangs": servers.hangs,
    "passed gates": servers.passed,
    "victims disturbed": servers.disturbed,
    "a victim's median (ms)": servers.median,
    "sessions at the clients": clients.sessions,
    "messages to the clients": clients.messages,
    "calls ended": clients.calls - clients.lost,
    "deaths": servers.deaths + clients.deaths,
    "leaks": servers.leaks,
    "lost": clients.lost,
    "heap growth (kB)": Math.max(servers.growth, clients.growth)
  }),
  faults
)
