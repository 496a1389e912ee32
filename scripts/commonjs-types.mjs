/**
 * Writes the `.d.cts` of an entry: what `require` of the ESM file gives, for TypeScript on `module: node16`, which
 * refuses to require ESM declarations. Types are handed on as they are; each value is declared again by its type.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"

const asImport = `with { "resolution-mode": "import" }`

/** The type parameters (`<A, B = X>`, or nothing) of the type `name` that a declaration file exports, if it does. */
const typeParameters = (file, name) => {
  const text = readFileSync(file, "utf8")
  const from = (specifier) => join(dirname(file), specifier.replace(/\.js$/, ".d.ts"))
  const own = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:class|interface|type|enum) ${name}\\b(<[^<>{(]*>)?`,
    "m"
  )
  const found = own.exec(text)
  if (found !== null) {
    return found[1] ?? ""
  }
  for (const [, names, specifier] of text.matchAll(/^(?:im|ex)port (?:type )?\{([^}]*)\} from "(\.[^"]+)"/gm)) {
    const item = names.split(",").map((item) => item.trim().replace(/^type /, "")).find((item) =>
      item === name || item.endsWith(` as ${name}`)
    )
    if (item !== undefined) {
      return typeParameters(from(specifier), item.split(" as ")[0])
    }
  }
  for (const [, specifier] of text.matchAll(/^export (?:type )?\* from "(\.[^"]+)"/gm)) {
    const parameters = typeParameters(from(specifier), name)
    if (parameters !== undefined) {
      return parameters
    }
  }
  return undefined
}

/** `<A extends X, B = Y>` → `<A, B>` */
const typeArguments = (parameters) => parameters.replace(/\s(?:extends|=)[^,>]*/g, "")

/** `module` is a path without extension, such as `dist/client`; namespaces it exports get declarations of their own. */
export const writeCommonJsTypes = async (module) => {
  const file = `${module}.d.ts`
  const values = await import(pathToFileURL(`${module}.js`).href)
  const namespaces = new Map(
    [...readFileSync(file, "utf8").matchAll(/^export \* as (\w+) from "(\.[^"]+)\.js"/gm)].map((m) => [m[1], m[2]])
  )
  const from = `"./${basename(module)}.js"`
  const lines = [`import type * as Esm from ${from} ${asImport}`, `export type * from ${from} ${asImport}`]
  for (const name of Object.keys(values)) {
    const namespace = namespaces.get(name)
    if (namespace !== undefined) {
      await writeCommonJsTypes(join(dirname(module), namespace))
      lines.push(`export * as ${name} from "${namespace}.cjs"`)
    } else if (name === "default") {
      lines.push("declare const _default: typeof Esm.default", "export default _default")
    } else {
      lines.push(`export declare const ${name}: typeof Esm.${name}`)
      const parameters = typeParameters(file, name)
      if (parameters !== undefined) {
        lines.push(`export type ${name}${parameters} = Esm.${name}${typeArguments(parameters)}`)
      }
    }
  }
  writeFileSync(`${module}.d.cts`, `${lines.join("\n")}\n`)
}
