/**
 * Writes the declarations of the script tag's globals, `nes` and `EffectNes`: every name of the plain client, as value and
 * as type, for scripts and for modules (`/// <reference types="effect-nes/browser/global" />`).
 */
import { readFileSync, writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { typeArguments, typeParameters } from "./commonjs-types.mjs"

/** `from` is the module of the client as seen from `file`. */
export const writeGlobalTypes = async (module, file, from) => {
  const text = readFileSync(`${module}.d.ts`, "utf8")
  const values = Object.keys(await import(pathToFileURL(`${module}.js`).href)).filter((name) => name !== "default")
  const exported = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) =>
    names.split(",").map((name) => name.trim().replace(/^type /, "")).filter((name) => name !== "")
  )
  const members = [
    ...values.map((name) => `    const ${name}: typeof Module.${name}`),
    ...exported.flatMap((name) => {
      const parameters = typeParameters(module, name)
      return parameters === undefined
        ? []
        : [`    type ${name}${parameters} = Module.${name}${typeArguments(parameters)}`]
    })
  ]
  const namespaces = ["nes", "EffectNes"].map((global) => `  namespace ${global} {\n${members.join("\n")}\n  }`)
  writeFileSync(
    file,
    `import type * as Module from "${from}"\n\ndeclare global {\n${namespaces.join("\n")}\n}\n\nexport {}\n`
  )
}
