/** Bodies that the server's API takes over HTTP, and forms in which it does not. */

/** What a page may send to another site without being asked, and what only resembles JSON. */
export const foreignTypes = [
  "text/plain",
  "text/plain; application/json",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "text/json",
  "application/octet-stream"
]

/** A valid body for each operation that takes one. */
export const bodies = (socket: string | number | null): Readonly<Record<string, object>> => ({
  publish: { path: "/item/5", message: 1 },
  broadcast: { message: 1 },
  revoke: { path: "/item/5", socket, message: 1 },
  disconnect: { user: 1 }
})

/** A body whose last field is an array in arrays. */
export const nested = (body: object, depth: number): string =>
  JSON.stringify(body).replace(/1\}$/, `${"[".repeat(depth)}${"]".repeat(depth)}}`)
