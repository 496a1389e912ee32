/** A certificate for localhost, signed by itself, and its key: good for tests and nothing else. */
import { readFileSync } from "node:fs"

const pem = readFileSync(new URL("localhost.pem", import.meta.url), "utf8")

export { pem as cert, pem as key }
