/** What every entry of the package exports, read from the declarations of the build: name, sentence, signature. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
// TypeScript 7 has no API for programs yet.
import ts from "typescript-5.9/typescript/lib/typescript.js"
import { manifest, root } from "../run.mjs"

const declarations = (entry) =>
  typeof entry === "string" || entry.source === undefined ? undefined : entry.default.replace(/\.js$/, ".d.ts")

const textOf = (parts) => ts.displayPartsToString(parts).trim()

const tag = (symbol, checker, name) => {
  const found = symbol.getJsDocTags(checker).find((tag) => tag.name === name)
  return found === undefined ? undefined : textOf(found.text)
}

const isHidden = (node) =>
  ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private ||
  node.name?.kind === ts.SyntaxKind.PrivateIdentifier ||
  ts.getJSDocTags(node).some(({ tagName }) => tagName.text === "internal")

/** A declaration as it was written, without what is private or internal. */
const signature = (declaration) => {
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
  if (ts.isSourceFile(node)) {
    return undefined
  }
  const source = node.getSourceFile().text
  let text = ""
  let at = node.getStart()
  for (const { end, pos } of (node.members ?? []).filter(isHidden)) {
    text += source.slice(at, pos)
    at = end
  }
  return (text + source.slice(at, node.end)).replace(/^export (?:declare )?/, "").replaceAll(/^ {4}/gm, "  ")
}

/** What a source file says of itself, in its first comment. */
const headerOf = (file) => {
  const [, text = ""] = /^\/\*\*([^]*?)\*\//.exec(readFileSync(join(root, file), "utf8")) ?? []
  return text.replace(/^ ?\* ?/gm, "").replace(/^\s*@\w+.*$/gm, "").trim()
}

/**
 * The modules that can be imported: `name` (`effect-nes/client`), what it is `for`, its exports, and the modules that it
 * hands on as namespaces.
 */
export const readApi = () => {
  const entries = Object.entries(manifest.exports).flatMap(([subpath, entry]) => {
    const file = declarations(entry)
    return file === undefined || subpath.startsWith("./lib/")
      ? []
      : [{ name: `effect-nes${subpath.slice(1)}`, file: join(root, file), source: entry.source }]
  })
  const missing = entries.find(({ file }) => !existsSync(file))
  if (missing !== undefined) {
    throw new Error(`There is no ${missing.file}: run \`npm run build\` first`)
  }
  // Names and sentences only: what others declare is not read.
  const program = ts.createProgram(ts.sys.readDirectory(join(root, "dist"), [".d.ts"]), {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: [],
    noLib: true,
    noResolve: true,
    noEmit: true
  })
  const checker = program.getTypeChecker()
  return entries.map(({ file, name, source }) => {
    const module = program.getSourceFile(file)
    const names = []
    const namespaces = []
    for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(module))) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      const [first] = symbol.declarations ?? []
      if (first !== undefined && ts.isSourceFile(first)) {
        namespaces.push({ name: exported.name, file: first.fileName })
        continue
      }
      const documentation = textOf(symbol.getDocumentationComment(checker))
        || textOf(exported.getDocumentationComment(checker))
      names.push({
        name: exported.name,
        documentation,
        since: tag(symbol, checker, "since") ?? tag(exported, checker, "since"),
        category: tag(symbol, checker, "category") ?? tag(exported, checker, "category") ?? "more",
        signatures: (symbol.declarations ?? []).map(signature).filter((text) => text !== undefined)
      })
    }
    return { name, description: headerOf(source), names, namespaces }
  })
}
