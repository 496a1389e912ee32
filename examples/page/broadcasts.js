/** What everybody gets to hear. */
import { addRow, element, enable, isEnabled } from "./rows.js"

export class Broadcasts {
  #client
  #button = element("broadcast").querySelector("button")

  constructor(client) {
    this.#client = client
    client.onUpdate = (message) => this.#tell(message.text ?? message.news ?? JSON.stringify(message), "")
    element("broadcast").addEventListener("submit", (event) => {
      event.preventDefault()
      if (isEnabled(this.#button)) {
        void this.#send(element("text").value)
      }
    })
    // The browser then says what is missing, as it does for an empty field.
    element("text").addEventListener("input", ({ target }) => {
      target.setCustomValidity(target.value.trim() === "" ? "Say something" : "")
    })
  }

  enable(isConnected) {
    enable(this.#button, isConnected)
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
