import { posix } from "node:path"
import { describe, expect, it } from "vitest"
import { entries, files, manifest, read } from "./Repository.js"

const sources = files("src").filter((file) => file.endsWith(".ts"))

const code = (file: string): string => read(file).replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")

const specifiers = (code: string): ReadonlyArray<string> =>
  [...code.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "")

/** What a file imports, types included: TypeScript erases those, but a reader follows them. */
const imports = (file: string): ReadonlyArray<string> => specifiers(code(file))

/** What a file loads when it runs. */
const loads = (file: string): ReadonlyArray<string> =>
  specifiers(code(file).replace(/^(?:im|ex)port type\b[^"]*"[^"]+"/gm, ""))

/** The files of ours among what a file imports or loads. */
const own = (file: string, specifiers = imports(file)): ReadonlyArray<string> =>
  specifiers.flatMap((specifier) => {
    if (specifier === "#WebSocket") {
      return ["src/client/WebSocket.ts", "src/client/WebSocket.browser.ts"]
    }
    return specifier.startsWith(".")
      ? [posix.join(posix.dirname(file), specifier).replace(/\.js$/, ".ts")]
      : []
  })

/** The room of the house a file is in: its folder, or `door` for the entries in `src` itself. */
const room = (file: string): string => /^src\/([^/]+)\//.exec(file)?.[1] ?? "door"

// design.md, "Rooms": imports point one way.
const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  protocol: ["protocol"],
  client: ["protocol", "client"],
  server: ["protocol", "server"],
  hapi: ["protocol", "server", "hapi"],
  http: ["protocol", "server", "http"],
  cluster: ["protocol", "server", "cluster"],
  redis: ["protocol", "server", "cluster", "redis"],
  cli: ["protocol", "client", "cluster", "redis", "cli"],
  door: ["protocol", "client", "server", "hapi", "http", "cluster", "redis", "door"]
}

describe("src", () => {
  it("has files to look at, and finds what they import", () => {
    expect(sources).toContain("src/protocol/Codec.ts")
    expect(own("src/protocol/Codec.ts")).toEqual([
      "src/protocol/ErrorTexts.ts",
      "src/protocol/Message.ts",
      "src/protocol/NesError.ts",
      "src/protocol/Thrown.ts"
    ])
    expect(own("src/protocol/Codec.ts", loads("src/protocol/Codec.ts"))).toEqual([
      "src/protocol/ErrorTexts.ts",
      "src/protocol/NesError.ts",
      "src/protocol/Thrown.ts"
    ])
    expect(imports("src/protocol/Codec.ts")).toContain("effect/Result")
  })

  it("imports point one way: protocol ← client; protocol ← server ← hapi, http, cluster ← redis", () => {
    const wrong = sources.flatMap((file) =>
      own(file)
        .filter((target) => !(allowed[room(file)] ?? []).includes(room(target)))
        .map((target) => `${file} imports ${target}`)
    )
    expect(wrong).toEqual([])
  })

  it("every relative import names a file that exists", () => {
    const wrong = sources.flatMap((file) =>
      own(file).filter((target) => !sources.includes(target)).map((target) => `${file} imports ${target}`)
    )
    expect(wrong).toEqual([])
  })

  it("has no circles, those of types included", () => {
    const cycles: Array<string> = []
    const done = new Set<string>()
    const walk = (file: string, path: ReadonlyArray<string>): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(" → "))
      } else if (!done.has(file) && sources.includes(file)) {
        for (const target of own(file)) {
          walk(target, [...path, file])
        }
        done.add(file)
      }
    }
    for (const file of sources) {
      walk(file, [])
    }
    expect(cycles).toEqual([])
  })

  const reached = (from: ReadonlyArray<string>): ReadonlySet<string> => {
    const known = new Set<string>()
    const walk = (file: string): void => {
      if (!known.has(file)) {
        known.add(file)
        own(file).forEach(walk)
      }
    }
    from.forEach(walk)
    return known
  }

  it.each([
    ["delivery knows no recovery", /^src\/server\/subscription\/Delivery\.ts$/, /\/Recovery(?:Sync)?\.ts$/],
    ["connections know no hub", /^src\/server\/connection\//, /\/(?:Hub|Delivery|Node)\.ts$/],
    ["the registry of connections knows nobody who authenticates", /\/Connections\.ts$/, /\/(?:Authenticator|Hub)\.ts$/]
  ])("%s, by whatever way", (_, from, to) => {
    const start = sources.filter((file) => from.test(file))
    expect(start).not.toEqual([])
    expect(sources.filter((file) => to.test(file))).not.toEqual([])
    expect([...reached(start)].filter((file) => to.test(file))).toEqual([])
  })

  it("delivery imports nothing of the recovery's room", () => {
    expect(own("src/server/subscription/Delivery.ts").filter((file) => file.includes("/recovery/"))).toEqual([])
  })

  it("the registry of connections changes none of them", () => {
    const registry = code("src/server/connection/Connections.ts")
    expect(registry).toContain("connection.number")
    expect(registry).not.toMatch(/\bObject\.assign\b|\bconnection\.[\w.]+ *=(?!=)|\bauth\b|identify/)
  })

  // What is optional is not loaded by those who do without it; what is the server's is not on the way to a page. A
  // module's import of node:http makes Node load undici, which hapi's require does not.
  it.each([
    ["src/client.ts", ["client", "protocol"], /^(?:effect\/(?!http\/|Schema|Stream|Config)\w+)$/],
    ["src/client/NesClient.ts", ["client", "protocol"], /^(?:effect\/(?!http\/)\w+)$/],
    ["src/page.ts", ["client", "protocol"], /^(?:effect\/(?!reactivity\/).+)$/],
    [
      "src/hapi.ts",
      ["client", "hapi", "protocol", "server"],
      /^(?:ws|node:(?!http).+|@hapi\/\w+|effect\/(?!http\/).+)$/
    ],
    [
      "src/redis.ts",
      ["cluster", "protocol", "redis", "server"],
      /^(?:ws|node:(?!http).+|@hapi\/\w+|@redis\/client|effect\/(?!http\/).+)$/
    ],
    ["src/index.ts", ["client", "cluster", "hapi", "http", "protocol", "server"], /^(?!@redis\/)/]
  ])("%s loads these rooms, and no package that it does not need", (entry, rooms, packages) => {
    const loaded = new Set<string>()
    const walk = (file: string): void => {
      if (!loaded.has(file)) {
        loaded.add(file)
        own(file, loads(file)).forEach(walk)
      }
    }
    walk(entry)
    // What is Node's alone, and has another in its place elsewhere (test/package/Bundles.test.ts).
    loaded.delete("src/client/WebSocket.ts")
    expect([...new Set([...loaded].map(room))].filter((name) => name !== "door").toSorted()).toEqual(rooms)
    const specifiers = [...loaded].flatMap(loads).filter((specifier) => !/^[.#]/.test(specifier))
    expect(specifiers.filter((specifier) => !packages.test(specifier))).toEqual([])
  })

  it("imports Effect by module, never from a barrel", () => {
    const wrong = sources.flatMap((file) =>
      imports(file).filter((specifier) => /^(?:effect|@effect\/[\w-]+)$/.test(specifier)).map((specifier) =>
        `${file} imports ${specifier}`
      )
    )
    expect(wrong).toEqual([])
  })

  it("imports only packages that are installed with it", () => {
    const known = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    const wrong = sources.flatMap((file) =>
      imports(file)
        .filter((specifier) => !/^(?:\.|#|node:)/.test(specifier))
        .map((specifier) => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/"))
        .filter((name) => !known.includes(name))
        .map((name) => `${file} imports ${name}`)
    )
    expect(wrong).toEqual([])
  })

  it("depends on no package that it does not import", () => {
    const used = sources.flatMap(imports)
    const unused = Object.keys(manifest.dependencies).map((name) => name.replace(/^@types\//, "")).filter((name) =>
      !used.some((specifier) => specifier === name || specifier.startsWith(`${name}/`))
    )
    expect(unused).toEqual([])
  })

  it("the protocol does no I/O", () => {
    const wrong = sources.filter((file) =>
      room(file) === "protocol" && imports(file).some((s) => !/^(?:\.|effect\/)/.test(s))
    )
    expect(wrong).toEqual([])
  })

  it("exports nothing that nobody imports", () => {
    const modules = entries.map(([, source]) => source)
    const users = [...sources, ...files("test", "bench", "examples").filter((file) => /\.[mc]?tsx?$/.test(file))]
    const texts = users.map((file) => [file, read(file)] as const)
    const wrong = sources
      .filter((file) => room(file) !== "door" && !modules.includes(file) && !file.includes("/WebSocket."))
      .flatMap((file) => {
        const importers = texts.filter(([user, text]) =>
          user !== file && text.includes(`/${posix.basename(file, ".ts")}.js"`)
        )
        return [...read(file).matchAll(/^export (?:const|class|interface|type|function) (\w+)/gm)]
          .filter(([, name]) => !importers.some(([, text]) => new RegExp(`\\b${name}\\b`).test(text)))
          .map(([, name]) => `${file}: ${name}`)
      })
    expect(wrong).toEqual([])
  })

  it("names files after the concept they hold", () => {
    const wrong = sources.filter((file) =>
      room(file) !== "door" && !file.endsWith(".d.ts") &&
      !/^src\/(?:\w+\/)+[A-Z][A-Za-z]*(?:\.browser)?\.ts$/.test(file)
    )
    expect(wrong).toEqual([])
  })
})
