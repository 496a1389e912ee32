/** What the parts of the page share: elements, controls, and lists whose newest row comes first. */

/** Elements of index.html. */
export const element = (id) => document.getElementById(id)

/** Allows or forbids a button. One that is `disabled` would lose the keyboard's focus at every lost connection. */
export const enable = (button, isAllowed) => button.setAttribute("aria-disabled", String(!isAllowed))

/** Whether a button may do what it says. */
export const isEnabled = (button) => button.getAttribute("aria-disabled") !== "true"

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" })

/** Puts a row at the head of a list that keeps `limit` rows. The text may be anybody's: it is never taken for HTML. */
export const addRow = (list, text, { limit = 6, tone = "" } = {}) => {
  const time = document.createElement("time")
  const words = document.createElement("span")
  const row = document.createElement("li")
  const now = new Date()
  time.dateTime = now.toISOString()
  time.textContent = clock.format(now)
  words.textContent = text
  words.className = tone
  row.append(time, words)
  list.prepend(row)
  while (list.children.length > limit) {
    list.lastElementChild.remove()
  }
}

/** 83 seconds → 1:23 */
export const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`
