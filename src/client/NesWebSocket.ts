/**
 * The client's WebSocket from the constructor service of `effect/socket`, in place of the page's or of `ws`.
 *
 * ```ts
 * const Live = NesClient.layer({ url: "ws://localhost:8000" }).pipe(
 *   Layer.provide(NesWebSocket.layer),
 *   Layer.provide(NodeSocket.layerWebSocketConstructor)
 * )
 * ```
 *
 * @since 1.0.0
 */
import { online } from "#WebSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { WebSocketConstructor } from "effect/socket/Socket"
import { Transport } from "./Transport.js"
import { openWith } from "./WebSocket.browser.js"

/**
 * Has clients open their sockets with the constructor, which gets the `headers` of the option `ws`.
 *
 * @since 1.0.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, WebSocketConstructor> = Layer.effect(
  Transport,
  Effect.map(WebSocketConstructor, (construct) => ({
    online,
    open: openWith((url, protocols, options: { readonly headers?: Readonly<Record<string, string>> } = {}) =>
      construct(url, options.headers === undefined ? protocols : { protocols, headers: options.headers })
    )
  }))
)
