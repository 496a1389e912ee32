/** A form that calls the server's endpoints through the socket. */
import { element, enable, isEnabled } from "./rows.js"

export class RequestForm {
  #client
  #button = element("request").querySelector("button")

  constructor(client) {
    this.#client = client
    element("request").addEventListener("submit", (event) => {
      event.preventDefault()
      if (isEnabled(this.#button)) {
        void this.#send(element("method").value, element("path").value.trim())
      }
    })
  }

  enable(isConnected) {
    enable(this.#button, isConnected)
  }

  async #send(method, path) {
    const since = performance.now()
    try {
      const { payload, statusCode } = await this.#client.request(
        method === "GET" ? path : { method, path, payload: { from: "the page" } }
      )
      this.#show(statusCode, `in ${(performance.now() - since).toFixed(1)} ms`, payload)
    } catch (error) {
      this.#show(error.statusCode ?? error.type, error.message, error.data)
    }
  }

  #show(status, detail, payload) {
    const strong = document.createElement("strong")
    strong.textContent = status
    element("answer-status").replaceChildren(strong, ` ${detail}`)
    element("answer-status").parentElement.classList.toggle("failed", !(status < 400))
    element("answer").hidden = payload === undefined
    element("answer").textContent = JSON.stringify(payload, null, 2)
  }
}
