/** The repository as the tests of its structure see it. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Paths, relative to the root, of the files that are committed or about to be. */
export const files = (...folders: ReadonlyArray<string>): ReadonlyArray<string> =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", ...folders], {
    cwd: root,
    encoding: "utf8"
  }).split("\0").filter((file) => file !== "" && existsSync(join(root, file)))

export const read = (file: string): string => readFileSync(join(root, file), "utf8")

export interface Package {
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly source?: string; readonly default: string }>>
}

/** package.json, as far as the tests look at it. */
export const manifest = JSON.parse(read("package.json")) as Package

/** The modules that can be imported: what follows the package's name, and the source. */
export const entries: ReadonlyArray<readonly [subpath: string, source: string]> = Object.entries(manifest.exports)
  .flatMap(([name, entry]) =>
    typeof entry === "string" || entry.source === undefined ? [] : [[name.slice(1), entry.source.slice(2)] as const]
  )
