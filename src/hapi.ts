/**
 * The hapi door: `effect-nes/hapi` exports what `@hapi/nes` exports.
 *
 * @since 0.1.0
 */
import { Client } from "./client/Client.js"
import { plugin } from "./hapi/Plugin.js"

export type {
  AuthOptions,
  FilterAnswer,
  FilterOptions,
  LimitOptions,
  PluginOptions,
  SubscriptionOptions
} from "./hapi/Options.js"
export type { EachSocketOptions } from "./hapi/Plugin.js"
export type { RevokeOptions, Socket, SocketApplicationState, SocketAuth, SocketCredentials } from "./hapi/Socket.js"
export type { IronOptions, Password, Secret } from "./server/conversation/Seal.js"
export type { BroadcastOptions, PublishOptions } from "./server/Node.js"
export { Client, plugin }

/**
 * Both, for `import Nes from "effect-nes/hapi"` and `server.register(Nes)`.
 *
 * @since 0.1.0
 * @category plugins
 */
const Nes = { plugin, Client }

export default Nes
