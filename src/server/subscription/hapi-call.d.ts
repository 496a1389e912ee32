declare module "@hapi/call" {
  import type { Boom } from "@hapi/boom"

  export class Router<Route> {
    add(config: { readonly method: string; readonly path: string }, route: Route): void
    route(method: string, path: string): { readonly params: Record<string, string>; readonly route: Route } | Boom
  }
}

declare module "@hapi/bounce" {
  export function isSystem(error: Error): boolean
}
