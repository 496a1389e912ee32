import { execFileSync } from "node:child_process"
import { homedir } from "node:os"
import { describe, expect, it } from "vitest"
import { files, read, root } from "./Repository.js"

const binary = /\.(?:png|jpe?g|gif|ico|woff2?|gz)$/
const committed = files().filter((file) => !binary.test(file))
const ours = committed.filter((file) => /^(?:src|test|examples|bench|scripts|docs)\//.test(file))

/** Lines that match, as `file:line: text`. The patterns are spelled so that they do not match themselves. */
const lines = (among: ReadonlyArray<string>, pattern: RegExp): ReadonlyArray<string> =>
  among.flatMap((file) =>
    read(file).split("\n").flatMap((line, index) =>
      pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`] : []
    )
  )

const escape = (text: string): string => text.replace(/[/\\^$.*+?()[\]{}|-]/g, "\\$&")

describe("committed files", () => {
  it("are there to be read", () => {
    expect(committed).toContain("package.json")
    expect(ours).toContain("test/structure/Text.test.ts")
    expect(lines(ours, /spelled so that they do [n]ot match/)).toHaveLength(1)
  })

  it("do not name the paths of one machine", () => {
    const here = [root, homedir()].filter((path) => path.length > 1).map((path) => `${escape(path)}/`)
    const pattern = new RegExp([...here, "(?<![\\w.)}])/(?:wor[k]|tm[p]|roo[t]|hom[e]|User[s])/"].join("|"))
    expect(lines(committed, pattern)).toEqual([])
  })

  it("name no package registry", () => {
    expect(
      lines(
        committed,
        /registr[y]\.[\w-]+[.:/]\w|npm[j]s\.(?:org|com)|"resolve[d]":|\bverdacci[o]\b|\bartifactor[y]\b/i
      )
    )
      .toEqual([])
  })

  it("do not speak of how they were made", () => {
    const pattern =
      /\b(?:c[l]aude|anthropi[c]|opena[i]|chatgp[t]|copilo[t]|L[L]M|AI[ -]generate[d]|language mode[l])\b/i
    expect(lines(committed, pattern)).toEqual([])
  })
})

describe("our own files", () => {
  it("leave nothing to be done later", () => {
    expect(lines(ours, /\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/)).toEqual([])
  })

  // What lasts is measured by the monotonic clock (`monotonic`, `performance`): that of the wall is set while it does.
  it("read the wall clock only for what has to have a date, or goes on while the machine sleeps", () => {
    const wall = /\b(?:Date\.now|currentTime(?:Millis|Nanos)(?:Unsafe)?)\b|\bnew Date\(\)/
    expect(lines(ours.filter((file) => /^src\/.*\.ts$/.test(file)), wall).map((line) => line.replace(/:.*/s, "")))
      .toEqual([
        "src/cli/Commands.ts",
        "src/cli/Doctor.ts",
        "src/client/Backoff.ts",
        "src/cluster/ClusterNode.ts",
        "src/server/NesServer.ts",
        "src/server/inspection/Inspector.ts",
        "src/server/telemetry/Tracing.ts"
      ])
  })

  // TypeScript is told by its `lib`; scripts are not compiled.
  it("use nothing in scripts that the oldest Node of `engines` has not", () => {
    const scripts = ours.filter((file) => /\.m?js$/.test(file))
    expect(scripts).toContain("scripts/docs.mjs")
    const newer =
      /\b(?:Map|Object)\.groupBy\(|\bwithResolvers\(|\bfromAsync\(|\.(?:union|intersection|difference)\(|\bRegExp\.escape\(|\b(?:key|value|entrie)s\(\)\.(?:map|filter|some|every|find|reduce|toArray)\(/
    expect(lines(scripts, newer)).toEqual([])
  })

  it("skip no test and single none out", () => {
    expect(
      lines(ours, /\b(?:it|test|describe|suite|bench)(?:\.\w+)*\.(?:ski[p]|onl[y]|tod[o]|skipI[f]|runI[f]|fail[s])\b/)
    )
      .toEqual([])
  })

  it("silence no tool", () => {
    const silencers = /@ts-(?:ignor[e]|nochec[k])|(?:eslint|oxlint|dprint)-(?:disabl[e]|ignor[e])/
    // The one place where it is written makes the types of what a program has not installed optional.
    expect(lines(ours.filter((file) => !file.endsWith(".md")), silencers).map((line) => line.replace(/:.*/s, "")))
      .toEqual(["scripts/optional-types.mjs"])
    const expectations = /@ts-expect-erro[r]/
    expect(lines(ours.filter((file) => !file.endsWith(".test-d.ts") && !file.endsWith(".md")), expectations)).toEqual(
      []
    )
  })
})

it("the lockfile is that of package.json", () => {
  const lock = JSON.parse(read("package-lock.json")) as { readonly packages: { readonly "": object } }
  const manifest = JSON.parse(read("package.json")) as Record<string, unknown>
  for (const group of ["dependencies", "devDependencies", "peerDependencies", "peerDependenciesMeta", "engines"]) {
    expect(Reflect.get(lock.packages[""], group), group).toEqual(manifest[group])
  }
})

it("files that scripts run as programs are executable", () => {
  const modes = execFileSync("git", ["ls-files", "--stage", "--", ".ci/run"], { cwd: root, encoding: "utf8" })
  expect(modes).toMatch(/^100755 /)
})
