/** Nes 6 settles what a drop ends before it tells of the drop; this puts the drop first. */
const isEndedByDrop = (line: string): boolean =>
  /^disconnect\S* called back \(\)$/.test(line) ||
  /^\S+ called back \(Error \{ message: "Request failed - server disconnected"/.test(line) ||
  /^connect\S* called back \(Error \{ message: .* type: "(server|user|timeout)"/.test(line)

export const dropsFirst = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const ordered: Array<string> = []
  for (const line of lines) {
    const kept = line.startsWith("onDisconnect (")
      ? ordered.findLastIndex((before) => !isEndedByDrop(before)) + 1
      : ordered.length
    ordered.splice(kept, 0, line)
  }
  return ordered
}
