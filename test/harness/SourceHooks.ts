/** Has Node find the sources by the names that they have once compiled, and keep from process to process what it makes of them. */
import { enableCompileCache, registerHooks } from "node:module"
import { fileURLToPath } from "node:url"

enableCompileCache(fileURLToPath(new URL("../../node_modules/.cache/node", import.meta.url)))

registerHooks({
  resolve: (specifier, context, next) =>
    next(
      /^\..*\.js$/.test(specifier) && context.parentURL?.endsWith(".ts") ? specifier.replace(/js$/, "ts") : specifier,
      context
    )
})
