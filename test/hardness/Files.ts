/** Files to serve, of text and not, and room for those that are uploaded. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"

const text = "text ".repeat(500)

export const directory = mkdtempSync(join(tmpdir(), "effect-nes-files-"))
writeFileSync(join(directory, "text.txt"), text)
writeFileSync(join(directory, "text.txt.gz"), gzipSync(text))
writeFileSync(join(directory, "binary.png"), Buffer.from([0x89, 0x50, 0xff, 0x00]))

process.once("exit", () => rmSync(directory, { recursive: true, force: true }))
