/** A subscription that keeps moving: the server's vital signs, numbered, so that it shows what was missed and came later. */
import { addRow, element, enable, isEnabled, minutes } from "./rows.js"

/** How many updates the chart shows, two a second, and the place of each in its 600 units. */
const points = 60
const step = 600 / (points - 1)
const x = (index) => Math.round(index * step * 10) / 10

/** What the chart's scale may end with, in percent. */
const scales = [10, 20, 50, 100, 200, 400, 800]

const still = matchMedia("(prefers-reduced-motion: reduce)")

export class Feed {
  #client
  #path
  #isSubscribed = false
  /** Oldest first: `{ cpu, isRecovered }`, without `cpu` where updates are lost. */
  #history = []
  #last
  #received = 0
  #recovered = 0
  #lost = 0
  /** By how much this page's clock is ahead of the server's uptime, at most (s). */
  #ahead = Infinity
  #connectedAt = 0
  #update = (update) => this.#take(update)

  constructor(client, path) {
    this.#client = client
    this.#path = path
    element("feed-toggle").addEventListener("click", ({ target }) => {
      if (!isEnabled(target)) {
        return
      }
      if (this.#isSubscribed) {
        this.unsubscribe()
      } else {
        this.subscribe()
      }
    })
  }

  enable(isConnected) {
    enable(element("feed-toggle"), isConnected)
    if (isConnected) {
      this.#connectedAt = performance.now() / 1000
    }
  }

  /** Once is enough: the client asks again after every reconnection. */
  subscribe() {
    this.#isSubscribed = true
    this.#last = undefined
    element("feed-toggle").textContent = "Unsubscribe"
    this.#client.subscribe(this.#path, this.#update).catch((error) => this.#tell(error.message, "bad"))
  }

  unsubscribe() {
    this.#isSubscribed = false
    element("feed-toggle").textContent = "Subscribe"
    this.#client.unsubscribe(this.#path, this.#update).catch((error) => this.#tell(error.message, "bad"))
    this.#history.push({})
  }

  #take(update) {
    const isRecovered = this.#notice(update)
    this.#last = update
    this.#received++
    this.#history.push({ cpu: update.cpu, isRecovered })
    this.#history = this.#history.slice(-points)
    element("received").textContent = this.#received
    element("cpu").textContent = update.cpu.toFixed(1)
    element("heap").textContent = update.heap.toFixed(1)
    element("connections").textContent = update.connections
    element("uptime").textContent = minutes(update.uptime)
    const figures = `CPU ${update.cpu.toFixed(1)} %, heap ${update.heap.toFixed(1)} MB`
    this.#tell(`#${update.number}: ${figures}${isRecovered ? ", recovered" : ""}`, isRecovered ? "good" : "")
    this.#draw()
    if (!still.matches) {
      document.querySelector(".pulse").animate({ right: ["0", "calc(100% - 0.75rem)"], opacity: [1, 1, 0] }, 450)
    }
  }

  /** Whether an update was published before this connection was made: the server kept it, and sent it later. */
  #notice({ number, server, uptime }) {
    const last = this.#last
    if (last !== undefined && last.server !== server) {
      this.#ahead = Infinity
      this.#history.push({})
      this.#tell("another server process counts anew", "warn")
    }
    const isNext = last !== undefined && last.server === server
    const isRecovered = isNext && uptime + this.#ahead < this.#connectedAt
    this.#ahead = Math.min(this.#ahead, performance.now() / 1000 - uptime)
    const lost = isNext ? number - last.number - 1 : 0
    if (lost > 0) {
      this.#lost += lost
      this.#history.push(...Array.from({ length: Math.min(lost, points) }, () => ({})))
      element("lost").textContent = this.#lost
      this.#tell(`${lost} lost: the server keeps the last minute only`, "warn")
    }
    if (isRecovered) {
      element("recovered").textContent = ++this.#recovered
    }
    return isRecovered
  }

  #draw() {
    const start = points - this.#history.length
    const highest = Math.max(...this.#history.map(({ cpu = 0 }) => cpu))
    const scale = scales.find((end) => highest <= end) ?? highest
    element("highest").textContent = `${scale} %`
    element("half").textContent = `${scale / 2} %`
    const point = ({ cpu }, index) => `${x(start + index)} ${(119 - 118 * (cpu / scale)).toFixed(1)}`
    const lines = this.#runs(({ cpu }) => cpu !== undefined)
    const draw = (id, paths) => element(id).setAttribute("d", paths.join(""))
    const line = ({ from, to }) =>
      this.#history.slice(from, to + 1).map((entry, index) => point(entry, from + index)).join("L")
    const band = ({ from, to }) => `M${x(start + from - 1)} 0H${x(start + to + 1)}V120H${x(start + from - 1)}Z`
    draw("curve", lines.map((run) => `M${line(run)}`))
    draw("area", lines.map((run) => `M${x(start + run.from)} 120L${line(run)}L${x(start + run.to)} 120Z`))
    draw("gaps", this.#runs(({ cpu }) => cpu === undefined).map(band))
    draw("recoveries", this.#runs(({ isRecovered }) => isRecovered === true).map(band))
  }

  /** The stretches of the history whose entries are all of a kind. */
  #runs(is) {
    const runs = []
    for (const [index, entry] of this.#history.entries()) {
      if (is(entry)) {
        if (runs.at(-1)?.to === index - 1) {
          runs.at(-1).to = index
        } else {
          runs.push({ from: index, to: index })
        }
      }
    }
    return runs
  }

  #tell(text, tone) {
    addRow(element("feed"), text, { limit: 6, tone })
  }
}
