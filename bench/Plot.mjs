/** Draws the tail: how long users wait, for each peer from the median by the 99th percentile to the longest. */

const peers = {
  "effect-nes": { name: "effect-nes", light: "#0b6e4f", dark: "#4cc38a" },
  nes: { name: "@hapi/nes", light: "#b23a48", dark: "#f2818c" },
  "socket.io": { name: "socket.io", light: "#3b5b92", dark: "#8ab4f8" },
  limit: { name: "limit", light: "#666666", dark: "#aaaaaa" }
}

/** What is drawn: a title, and the row with the median; the others of its tail are named after it. */
const panels = [
  ["published to 1,000: until the last has it", "latency-1000", "latency-1000-last"],
  ["published to 10,000: until the last has it", "latency-10000", "latency-10000-last"],
  ["a request made while 10,000 are published to", "latency-10000-request"],
  ["a request while 5,000 hear 10 publishes a second", "steady"],
  ["a request while 2,000 come back with tokens", "restart-request"]
]

const width = 820
const left = 100
const right = 130
const line = 22
const least = 0.1
const most = 10_000

/** Where a time (ms) is drawn: each power of ten has the same width. */
const x = (ms) => {
  const share = Math.log10(Math.min(Math.max(ms, least), most) / least) / Math.log10(most / least)
  return Math.round(left + share * (width - left - right))
}

const figure = (ms) => ms < 10 ? ms.toFixed(1) : ms.toFixed(0)

const text = (at, y, content, attributes = "") => `<text x="${at}" y="${y}" ${attributes}>${content}</text>`

const bar = (peer, [median, p99, longest], y) => {
  const [from, middle, to] = [median, p99, longest].map(x)
  return `<g class="${peer.replace(".", "-")}">` +
    text(left - 10, y + 4, peers[peer].name, `text-anchor="end"`) +
    `<path d="M${from} ${y}H${to}M${middle} ${y - 5}v10M${to} ${y - 5}v10"/><circle cx="${from}" cy="${y}" r="4"/>` +
    text(to + 8, y + 4, [median, p99, longest].map(figure).join(" · ")) +
    "</g>"
}

const colours = (shade) =>
  Object.entries(peers).map(([peer, colour]) => {
    const name = peer.replace(".", "-")
    return `.${name} path{stroke:${colour[shade]}}.${name} circle,.${name} text{fill:${colour[shade]}}`
  }).join("")

const style = `<style>text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:bold}path{stroke-width:2}` +
  `.grid{stroke:#8886;stroke-width:1}${colours("light")}` +
  `@media(prefers-color-scheme:dark){text{fill:#ddd}${colours("dark")}}</style>`

/**
 * An SVG of what these rows tell of the tail; `undefined` if they tell nothing of it.
 *
 * @param {ReadonlyArray<{ name: string, costs: Record<string, { median: number }> }>} rows
 */
export const plot = (rows) => {
  const valuesOf = (names, peer) => names.map((name) => rows.find((row) => row.name === name)?.costs[peer]?.median)
  const parts = []
  let y = 30
  for (const [title, row, tail = row] of panels) {
    const names = [row, `${tail}-p99`, `${tail}-max`]
    const drawn = Object.keys(peers).filter((peer) => valuesOf(names, peer).every((value) => value !== undefined))
    if (drawn.length > 0) parts.push(text(left, y, title, `class="title"`))
    for (const peer of drawn) parts.push(bar(peer, valuesOf(names, peer), y += line))
    if (drawn.length > 0) y += 1.5 * line
  }
  if (parts.length === 0) return undefined
  const grid = [0.1, 1, 10, 100, 1000, 10_000].map((ms) =>
    `<path class="grid" d="M${x(ms)} 12V${y - line}"/>` +
    text(x(ms), y, `${ms.toLocaleString("en")} ms`, `text-anchor="middle"`)
  )
  const title = "Milliseconds until an update or an answer is there: median, 99th percentile, longest"
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 30}" role="img" aria-label="${title}">` +
    style + grid.join("") + parts.join("") + text(left, y + 22, title) + "</svg>\n"
}
