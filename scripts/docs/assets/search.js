/** Searches the site's index, which is loaded at the first use: all words have to be there. */
const root = document.currentScript.dataset.root
const input = document.getElementById("search")
const results = document.getElementById("results")
const found = document.getElementById("found")
const menu = document.querySelector(".menu")

// Where there is room, the contents are always open.
const wide = matchMedia("(min-width: 60rem)")
const unfold = () => (menu.open = wide.matches)
wide.addEventListener("change", unfold)
unfold()

let index
const load = () => (index ??= fetch(`${root}assets/index.json`).then((response) => response.json()))

// What readers call things, and what they are called here.
const synonyms = {
  cors: "origin",
  eaddrinuse: "port",
  jwt: "token",
  kick: "disconnect",
  logging: "logs",
  login: "authentication",
  ratelimit: "limits",
  throttle: "limits",
  throttling: "limits"
}

// A phrase counts for more than its words, a title for more than a text, and a text that says a word often for more.
const score = (entry, words) => {
  const title = entry.title.toLowerCase()
  const text = `${entry.page} ${entry.text}`.toLowerCase()
  let total = words.length > 1 && text.includes(words.join(" ")) ? 10 : 0
  for (const word of words) {
    const points = Math.max(
      ...[word, synonyms[word] ?? word].map((each) =>
        title === each ? 20 : title.includes(each) ? 10 : Math.min(5, text.split(each).length - 1)
      )
    )
    if (points === 0) {
      return 0
    }
    total += points
  }
  return total
}

const item = ({ page, path, title }) => {
  const link = document.createElement("a")
  const name = document.createElement("span")
  const where = document.createElement("small")
  const row = document.createElement("li")
  link.href = root + path
  name.textContent = title
  where.textContent = page
  link.append(name, where)
  row.append(link)
  return row
}

const search = async () => {
  const words = input.value.toLowerCase().split(/\s+/).filter((word) => word !== "")
  const entries = words.length === 0 ? [] : await load()
  const best = entries.map((entry) => ({ entry, points: score(entry, words) }))
    .filter(({ points }) => points > 0)
    .toSorted((a, b) => b.points - a.points)
    .slice(0, 12)
  results.replaceChildren(...best.map(({ entry }) => item(entry)))
  results.hidden = best.length === 0
  found.textContent = words.length === 0 ? "" : `${best.length} results`
}

input.addEventListener("input", search)
input.form.addEventListener("submit", (event) => {
  event.preventDefault()
  results.querySelector("a")?.click()
})
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(?:INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault()
    input.focus()
  } else if (event.key === "Escape") {
    results.hidden = true
  }
})
