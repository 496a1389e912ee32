/** A subscription that keeps moving: the server's vital signs, numbered, so that a gap shows. */
import { addRow, element, minutes } from "./rows.js"

/** How many updates the chart shows, and the place of each in its 600 units. */
const points = 60
const step = 600 / (points - 1)
const x = (index) => Math.round(index * step * 10) / 10

const still = matchMedia("(prefers-reduced-motion: reduce)")

export class Feed {
  #client
  #path
  #isSubscribed = false
  /** CPU shares in percent, oldest first; `undefined` where updates were missed. */
  #history = []
  #last
  #received = 0
  #missed = 0
  #update = (update) => this.#take(update)

  constructor(client, path) {
    this.#client = client
    this.#path = path
    element("feed-toggle").addEventListener("click", () => (this.#isSubscribed ? this.unsubscribe() : this.subscribe()))
  }

  enable(isConnected) {
    element("feed-toggle").disabled = !isConnected
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
    this.#history.push(undefined)
  }

  #take(update) {
    this.#notice(update)
    this.#last = update
    this.#received++
    this.#history.push(update.cpu)
    this.#history = this.#history.slice(-points)
    element("received").textContent = this.#received
    element("cpu").textContent = update.cpu.toFixed(1)
    element("heap").textContent = update.heap.toFixed(1)
    element("connections").textContent = update.connections
    element("uptime").textContent = minutes(update.uptime)
    this.#tell(`#${update.number}: CPU ${update.cpu.toFixed(1)} %, heap ${update.heap.toFixed(1)} MB`, "")
    this.#draw()
    if (!still.matches) {
      document.querySelector(".pulse").animate({ right: ["0", "calc(100% - 0.75rem)"], opacity: [1, 1, 0] }, 450)
    }
  }

  /** What was published while nobody listened is gone, as in every nes; the numbers tell how much. */
  #notice({ number, server }) {
    const last = this.#last
    if (last === undefined) {
      return
    }
    if (last.server !== server) {
      this.#history.push(undefined)
      this.#tell("another server process counts anew", "warn")
      return
    }
    const missed = number - last.number - 1
    if (missed > 0) {
      this.#missed += missed
      this.#history.push(...Array.from({ length: Math.min(missed, points) }))
      element("missed").textContent = this.#missed
      this.#tell(`${missed} missed while the connection was down`, "warn")
    }
  }

  #draw() {
    const runs = []
    const start = points - this.#history.length
    // By the square root: one burst does not flatten the rest.
    const height = (value) => 106 * Math.sqrt(value / highest)
    const highest = Math.max(1, ...this.#history.filter((value) => value !== undefined))
    for (const [index, value] of this.#history.entries()) {
      if (index === 0 || (value === undefined) !== runs.at(-1).isGap) {
        runs.push({ isGap: value === undefined, from: x(start + index), points: [] })
      }
      runs.at(-1).to = x(start + index)
      runs.at(-1).points.push(`${x(start + index)} ${(116 - height(value ?? 0)).toFixed(1)}`)
    }
    const lines = runs.filter(({ isGap }) => !isGap)
    const gaps = runs.filter(({ isGap }) => isGap)
    const draw = (id, paths) => element(id).setAttribute("d", paths.join(""))
    draw("curve", lines.map(({ points }) => `M${points.join("L")}`))
    draw("area", lines.map(({ from, points, to }) => `M${from} 120L${points.join("L")}L${to} 120Z`))
    draw("gaps", gaps.map(({ from, to }) => `M${from - step} 0H${to + step}V120H${from - step}Z`))
  }

  #tell(text, tone) {
    addRow(element("feed"), text, { limit: 6, tone })
  }
}
