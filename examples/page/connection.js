/** The state of the connection, the attempts to heal it, and the button that cuts it. */
import { addRow, element, enable, isEnabled, minutes } from "./rows.js"

const titles = {
  connecting: "Connecting",
  connected: "Connected",
  reconnecting: "Reconnecting",
  disconnected: "Disconnected"
}

const still = matchMedia("(prefers-reduced-motion: reduce)")

export class Connection {
  onChange = () => {}

  #client
  #timing
  #attempt = 0
  #healed = -1
  #since = 0

  constructor(client, timing) {
    this.#client = client
    this.#timing = timing
    client.onConnect = () => this.#connected()
    client.onDisconnect = (willReconnect, log) => this.#disconnected(willReconnect, log)
    client.onError = (error) => {
      // One line for each failed attempt: `onDisconnect`, which follows, tells of a socket that failed.
      if (error.type !== "ws") {
        this.#tell(error.message, "warn")
      }
    }
    element("cut").addEventListener("click", () => isEnabled(element("cut")) && this.#cut())
    addEventListener("offline", () => this.#tell("the browser is offline", "warn"))
    addEventListener("online", () => this.#tell("the browser is online again", "good"))
    setInterval(() => this.#tick(), 1000)
  }

  connect() {
    this.#show("connecting", "the first attempt")
    // What goes wrong is told by the events, and tried again.
    this.#client.connect(this.#timing).catch(() => {})
  }

  /** Asks the server to cut this very socket. Its answer is lost with the connection. */
  #cut() {
    this.#tell("you asked the server to cut this socket", "")
    this.#client.request({ method: "POST", path: "/cut" }).catch(() => {})
  }

  #connected() {
    this.#since = performance.now()
    this.#attempt = 0
    this.#healed++
    element("healed").textContent = this.#healed
    this.#show("connected", "")
    this.#tick()
    this.#tell(`connected as ${this.#client.id}`, "good")
  }

  #disconnected(willReconnect, { code, explanation }) {
    const reason = code === undefined ? "the server cannot be reached" : `closed with ${code}, ${explanation}`
    if (!willReconnect) {
      this.#show("disconnected", reason)
      this.#tell(reason, "bad")
      return
    }
    this.#attempt++
    const wait = Math.min(this.#timing.delay * this.#attempt, this.#timing.maxDelay)
    const next = `attempt ${this.#attempt} in ${wait / 1000} s`
    this.#show("reconnecting", `${reason}; ${next}`)
    this.#tell(`${reason}; ${next}`, "bad")
    if (!still.matches) {
      element("wait").animate({ transform: ["scaleX(1)", "scaleX(0)"] }, wait)
    }
  }

  #show(state, detail) {
    document.body.dataset.state = state
    element("state").textContent = titles[state]
    element("detail").textContent = detail
    element("attempt").textContent = this.#attempt
    enable(element("cut"), state === "connected")
    this.onChange(state === "connected")
  }

  #tick() {
    if (document.body.dataset.state === "connected") {
      const lasted = minutes((performance.now() - this.#since) / 1000)
      element("detail").textContent = `socket ${this.#client.id}, for ${lasted}`
    }
  }

  #tell(text, tone) {
    addRow(element("journal"), text, { limit: 8, tone })
  }
}
