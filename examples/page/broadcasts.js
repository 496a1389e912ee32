/** What everybody gets to hear. */
import { addRow, element } from "./rows.js"

export class Broadcasts {
  #client

  constructor(client) {
    this.#client = client
    client.onUpdate = (message) => this.#tell(message.text ?? message.news ?? JSON.stringify(message), "")
    element("broadcast").addEventListener("submit", (event) => {
      event.preventDefault()
      void this.#send(element("text").value)
    })
  }

  enable(isConnected) {
    element("broadcast").querySelector("button").disabled = !isConnected
  }

  async #send(text) {
    try {
      await this.#client.request({ method: "POST", path: "/broadcast", payload: { text } })
      element("text").value = ""
    } catch (error) {
      this.#tell(error.message, "bad")
    }
  }

  #tell(text, tone) {
    addRow(element("broadcasts"), text, { limit: 3, tone })
  }
}
