/**
 * The hapi door: `effect-nes/hapi` exports what `@hapi/nes` exports, as names, as `Nes` and as the default.
 *
 * @since 0.1.0
 */
import * as Nes from "./Nes.js"

export * from "./Nes.js"
export { Nes }
export default Nes
