/**
 * Writes the `.d.cts` of an entry: what `require` of the ESM file gives, for TypeScript on `module: node16`, which
 * refuses to require ESM declarations. Types are handed on as they are; each value is declared again by its type.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import { pathToFileURL } from "node:url"

const asImport = `with { "resolution-mode": "import" }`

/** The statements of a declaration file that hand on what is in others of ours, those files by path. */
const handedOn = (file) => {
  const text = readFileSync(file, "utf8")
  const statements = (pattern) =>
    [...text.matchAll(pattern)].map(([, names, specifier]) => [names, join(dirname(file), specifier)])
  return {
    text,
    named: statements(/^(?:im|ex)port (?:type )?\{([^}]*)\} from "(\.[^"]+)\.js"/gm),
    exported: statements(/^export \{([^}]*)\} from "(\.[^"]+)\.js"/gm),
    namespaces: statements(/^(?:im|ex)port \* as (\w+) from "(\.[^"]+)\.js"/gm),
    all: statements(/^export (?:type )?(\*) from "(\.[^"]+)\.js"/gm).map(([, module]) => module)
  }
}

/** The type parameters (`<A, B = X>`, or nothing) of the type `name` that a module exports, if it does. */
export const typeParameters = (module, name) => {
  const { all, named, text } = handedOn(`${module}.d.ts`)
  const own = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:class|interface|type|enum) ${name}\\b(<[^<>{(]*>)?`,
    "m"
  )
  const found = own.exec(text)
  if (found !== null) {
    return found[1] ?? ""
  }
  for (const [names, from] of named) {
    const item = names.split(",").map((item) => item.trim().replace(/^type /, "")).find((item) =>
      item === name || item.endsWith(` as ${name}`)
    )
    if (item !== undefined) {
      return typeParameters(from, item.split(" as ")[0])
    }
  }
  return all.map((from) => typeParameters(from, name)).find((parameters) => parameters !== undefined)
}

/** The modules that a module exports as namespaces, by name. */
const namespacesOf = (module) => {
  const { all, exported, namespaces, text } = handedOn(`${module}.d.ts`)
  const found = new Map([...all.flatMap((from) => [...namespacesOf(from)]), ...namespaces])
  for (const [names, from] of exported) {
    const inner = namespacesOf(from)
    for (const [item, name = item] of names.split(",").map((item) => item.trim().split(" as "))) {
      if (inner.has(item)) {
        found.set(name, inner.get(item))
      }
    }
  }
  const name = /^export default (\w+);/m.exec(text)?.[1]
  return found.has(name) ? found.set("default", found.get(name)) : found
}

/** `<A extends X, B = Y>` → `<A, B>` */
export const typeArguments = (parameters) => parameters.replace(/\s(?:extends|=)[^,>]*/g, "")

/** `module` is a path without extension, such as `dist/client`; namespaces it exports get declarations of their own. */
export const writeCommonJsTypes = async (module) => {
  const values = await import(pathToFileURL(`${module}.js`).href)
  const namespaces = namespacesOf(module)
  const from = `"./${basename(module)}.js"`
  const lines = [`import type * as Esm from ${from} ${asImport}`, `export type * from ${from} ${asImport}`]
  for (const name of Object.keys(values)) {
    const namespace = namespaces.get(name)
    if (namespace !== undefined) {
      await writeCommonJsTypes(namespace)
      lines.push(`export * as ${name} from "./${relative(dirname(module), namespace)}.cjs"`)
    } else if (name === "default") {
      lines.push("declare const _default: typeof Esm.default", "export default _default")
    } else {
      lines.push(`export declare const ${name}: typeof Esm.${name}`)
      const parameters = typeParameters(module, name)
      if (parameters !== undefined) {
        lines.push(`export type ${name}${parameters} = Esm.${name}${typeArguments(parameters)}`)
      }
    }
  }
  writeFileSync(`${module}.d.cts`, `${lines.join("\n")}\n`)
}
