/** The dashboard: plain JavaScript, with the client of a script tag. */
/// <reference types="effect-nes/browser/global" />
const client = new nes.Client(location.origin)
const state = document.getElementById("state")
const pause = document.getElementById("pause")

/** A row of the table; its cells are filled as prices come. */
const addRow = (symbol) => {
  const row = document.getElementById("prices").insertRow()
  const head = document.createElement("th")
  head.scope = "row"
  head.textContent = symbol
  row.append(head)
  const [price, change, updates, lost] = Array.from({ length: 4 }, () => row.insertCell())
  return { price, change, updates, lost, count: 0, missing: 0 }
}

const show = (row, { number, price }) => {
  row.first ??= price
  row.missing += row.last === undefined ? 0 : Math.max(0, number - row.last - 1)
  row.last = number
  const change = (price / row.first - 1) * 100
  row.price.textContent = price.toFixed(2)
  row.change.textContent = `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(2)} %`
  row.change.className = change < 0 ? "down" : "up"
  row.updates.textContent = ++row.count
  row.lost.textContent = row.missing
}

client.onConnect = () => (state.textContent = "connected")
client.onDisconnect = (willReconnect) => (state.textContent = willReconnect ? "reconnecting" : "disconnected")
client.onError = null

for (const symbol of ["ALFA", "BRVO", "CHRL", "DLTA"]) {
  const row = addRow(symbol)
  client.subscribe(`/price/${symbol}`, (update) => show(row, update), { history: 1 })
}
client.connect({ delay: 500, maxDelay: 2000 })

pause.addEventListener("click", () => {
  const isPaused = pause.getAttribute("aria-pressed") === "true"
  pause.setAttribute("aria-pressed", String(!isPaused))
  pause.textContent = isPaused ? "Disconnect" : "Connect"
  if (isPaused) {
    client.connect({ delay: 500, maxDelay: 2000 })
  } else {
    client.disconnect()
  }
})
