/**
 * The inspector: `effect-nes/inspector`, a page to look into running servers with, as a hapi plugin and as a Layer.
 *
 * ```js
 * import * as Inspector from "effect-nes/inspector"
 *
 * await server.register({ plugin: Inspector.plugin, options: { auth: { strategy: "session", scope: ["admin"] } } })
 * ```
 *
 * @since 1.0.0
 */
export { plugin, type PluginOptions } from "./hapi/Inspector.js"
export { layer, type LayerOptions } from "./http/Inspector.js"
