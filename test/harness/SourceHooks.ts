/** Has Node find the sources by the names that they have once compiled. */
import { registerHooks } from "node:module"

registerHooks({
  resolve: (specifier, context, next) =>
    next(
      /^\..*\.js$/.test(specifier) && context.parentURL?.endsWith(".ts") ? specifier.replace(/js$/, "ts") : specifier,
      context
    )
})
