/**
 * The plain client, for Node and the browser: `effect-nes/client`.
 *
 * @since 0.1.0
 */
import { Client } from "./client/Client.js"

export type {
  Callback,
  ClientOptions,
  ConnectOptions,
  Handler,
  MessageCallback,
  MessageResponse,
  RequestCallback,
  UpdateHandler
} from "./client/Client.js"
export type { Attempt, Auth } from "./client/Credentials.js"
export type { DisconnectLog } from "./client/Observer.js"
export type { RequestOptions, Response } from "./client/Request.js"
export type { Flags } from "./client/Subscriptions.js"
export type { NesError } from "./protocol/NesError.js"
export {
  DisconnectError,
  isNesError,
  ProtocolError,
  ServerError,
  TimeoutError,
  UserError,
  WsError
} from "./protocol/NesError.js"
export { Client }

/**
 * For `import Nes from "effect-nes/client"` and `new Nes.Client()`.
 *
 * @since 1.0.0
 * @category clients
 */
const Nes = { Client }

export default Nes
