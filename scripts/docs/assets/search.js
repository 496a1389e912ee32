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

// A phrase counts for more than its words, the words of readers for more than a title, that for more than a text, and a
// text that says a word often for more.
const score = (entry, words) => {
  const title = entry.title.toLowerCase()
  const others = entry.words ?? ""
  const text = `${entry.page} ${entry.text}`.toLowerCase()
  const phrase = words.join(" ")
  let total = title === phrase ? 40 : others.includes(phrase) ? 30 : words.length > 1 && text.includes(phrase) ? 10 : 0
  for (const word of words) {
    const points = title.includes(word) ? 10 : others.includes(word) ? 8 : Math.min(5, text.split(word).length - 1)
    if (points === 0) {
      return 0
    }
    total += points
  }
  return total
}

/** What the section says around the first of the words. */
const excerpt = (text, words) => {
  const low = text.toLowerCase()
  const at = words.map((word) => low.indexOf(word)).find((at) => at >= 0) ?? 0
  const from = at < 30 ? 0 : text.lastIndexOf(" ", at - 30) + 1
  return `${from > 0 ? "…" : ""}${text.slice(from, from + 110)}${text.length > from + 110 ? "…" : ""}`
}

const item = ({ page, path, text, title }, words) => {
  const link = document.createElement("a")
  const name = document.createElement("span")
  const where = document.createElement("small")
  const what = document.createElement("small")
  const row = document.createElement("li")
  link.href = root + path
  name.textContent = title
  where.textContent = page
  what.textContent = excerpt(text.trim(), words)
  link.append(name, where, what)
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
  results.replaceChildren(...best.map(({ entry }) => item(entry, words)))
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
