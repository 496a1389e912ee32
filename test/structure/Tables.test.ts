/** What is written once: the answers of the server, the close codes, and the version. */
import { describe, expect, it } from "vitest"
import * as CloseCode from "../../src/protocol/CloseCode.js"
import * as Answers from "../../src/protocol/ErrorTexts.js"
import { files, read } from "./Repository.js"

const sources = files("src").filter((file) => file.endsWith(".ts"))

const code = (file: string): string => read(file).replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")

const rows = (...columns: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const table = read("docs/protocol.md").split("\n\n").find((block) =>
    columns.every((column, n) => block.split("|")[n + 1]?.trim() === column)
  )
  return (table ?? "").split("\n").slice(2).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
}

// Each text between what it names.
const parts = (text: string): ReadonlyArray<string> => text.split(/\{\w+\}/).map((part) => part.trim())

describe("the answers of the server", () => {
  const all: ReadonlyArray<Answers.Row> = Object.values(Answers.answers)

  it("are those of docs/protocol.md", () => {
    expect(
      rows("status", "message", "when").map(([status, text]) => [Number(status), text?.replace(/^(`+)(.*)\1$/, "$2")])
    )
      .toEqual(all)
  })

  it("are each there once, and used", () => {
    expect(new Set(all.map(([, text]) => text)).size).toBe(all.length)
    const text = sources.map(code).join("\n")
    expect(
      Object.keys(Answers.answers).filter((name) =>
        !new RegExp(`answers\\.${name}\\b|errorAnswer\\([^)]*"${name}"|, "${name}"\\)`).test(text)
      )
    ).toEqual([])
  })

  it("are written nowhere else", () => {
    const long = all.flatMap(([, text]) => parts(text)).filter((part) => part.length > 12)
    const wrong = sources.filter((file) => file !== "src/protocol/ErrorTexts.ts").flatMap((file) =>
      long.filter((part) => code(file).includes(part)).map((part) => `${file}: ${part}`)
    )
    expect(wrong).toEqual([])
  })

  // What others have to say is passed on: that of the codec, of hapi's schemes, and of the application's handlers.
  it("are the only ones", () => {
    const passed =
      /Boom\.(?:badRequest\((?:(?:arrived\.)?error\.message|errors)|Boom\(\s*isObject|boomify|isBoom|internal\(\)|Boom\("", \{ statusCode: status \}\)|Boom\(message, \{ statusCode \}\)\s*Object\.assign)/
    const makers = ["ErrorAnswer.ts", "Refusal.ts"]
    const made = /\bBoom\.(?:[a-z]\w*|Boom)\([\s\S]{0,40}|\brefused\(\s*\d+,\s*["'`]|\bRefusal\.[a-z]\w*\(\s*["'`]/g
    const wrong = sources.filter((file) => !makers.some((name) => file.endsWith(`/${name}`))).flatMap((file) =>
      [...code(file).matchAll(made)].filter(([call]) => !passed.test(call)).map(([call]) => `${file}: ${call}`)
    )
    expect(wrong).toEqual([])
  })
})

describe("close codes", () => {
  const names = Object.entries<unknown>(CloseCode).filter(([, value]) => typeof value === "number")

  it("that are sent are those of docs/protocol.md", () => {
    const sent = names.filter(([name]) => name !== "abnormalClosure").map(([, number]) => String(number))
    expect(rows("code", "when").map(([number]) => number)).toEqual(sent.toSorted())
  })

  it("are all used", () => {
    const text = sources.map(code).join("\n")
    expect(names.filter(([name]) => !text.includes(`CloseCode.${name}`) && !text.includes(name))).toEqual([])
  })

  // A page may close with 1000, which is a number of many other things.
  it("are numbers nowhere else", () => {
    const wrong = sources.filter((file) => file !== "src/protocol/CloseCode.ts" && file !== "src/Nes.ts").flatMap((
      file
    ) =>
      [...code(file).matchAll(/(?<![\w"._])(?:1_?0(?:0[1-9]|1[0-5])|4_?(?!0(?:00|96)|999)\d{3})(?![\w"._])/g)].map((
        [number]
      ) => `${file}: ${number}`)
    )
    expect(wrong).toEqual([])
  })
})

describe("the version", () => {
  const { version } = JSON.parse(read("package.json")) as { readonly version: string }

  it("of the plugin is that of the package, and the newest of the changes", () => {
    const written = sources.filter((file) => code(file).includes(`"${version}"`))
    expect(written).toEqual(["src/hapi/Version.ts"])
    expect(/^## \[(\d+\.\d+\.\d+)\]/m.exec(read("CHANGELOG.md"))?.[1]).toBe(version)
  })
})
