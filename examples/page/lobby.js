/** Who is here, what was said before one came, and how things stand. */
import { addRow, element, enable, isEnabled } from "./rows.js"

export class Lobby {
  #client
  #people = new Map()

  constructor(client) {
    this.#client = client
    this.#form("name", () => this.#client.present("/lobby", { name: element("name").value.trim() }))
    this.#form("words", (text) => this.#post("/lobby", text))
    this.#form("topic", (text) => this.#post("/topic", text))
  }

  enable(isConnected) {
    for (const button of element("lobby").querySelectorAll("button")) {
      enable(button, isConnected)
    }
  }

  /** Once is enough: the client asks again after every reconnection, and says its name again. */
  subscribe() {
    const failed = (error) => addRow(element("said"), error.message, { tone: "bad" })
    const say = ({ text }) => addRow(element("said"), text, { limit: 5 })
    this.#client.subscribe("/lobby", say, { history: 5, presence: { name: "" } }).catch(failed)
    this.#client.subscribe("/lobby/presence", (update) => this.#show(update)).catch(failed)
    this.#client.subscribe("/topic", ({ text }, { snapshot }) => {
      element("standing").textContent = text
      element("since").textContent = snapshot ? "so it was when this page came" : "changed just now"
    }).catch(failed)
  }

  // The whole list first, then who joins, changes and leaves.
  #show({ users, join, change, leave, count }) {
    if (users) {
      this.#people = new Map(users.map(({ id, value }) => [id, value]))
    }
    for (const person of [join, change]) {
      if (person) {
        this.#people.set(person.id, person.value)
      }
    }
    this.#people.delete(leave?.id)
    element("count").textContent = count
    element("people").replaceChildren(...Array.from(this.#people, ([id, value]) => {
      const person = document.createElement("li")
      person.textContent = (value?.name || "somebody") + (id === this.#client.id ? " (this page)" : "")
      return person
    }))
  }

  async #post(path, text) {
    await this.#client.request({ method: "POST", path, payload: { text } })
  }

  #form(name, send) {
    const form = element(`${name}-form`)
    form.addEventListener("submit", async (event) => {
      event.preventDefault()
      if (isEnabled(form.querySelector("button"))) {
        try {
          await send(element(name).value)
          element(name).value = name === "name" ? element(name).value : ""
        } catch (error) {
          addRow(element("said"), error.message, { tone: "bad" })
        }
      }
    })
  }
}
