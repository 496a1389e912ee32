declare module "@hapi/call" {
  import type { Boom } from "@hapi/boom"

  export interface Match<Route> {
    readonly params: Record<string, string>
    readonly paramsArray: ReadonlyArray<string>
    readonly route: Route
  }

  export class Router<Route> {
    constructor(options?: { readonly isCaseSensitive?: boolean })
    add(config: { readonly method: string; readonly path: string }, route: Route): void
    route(method: string, path: string): Match<Route> | Boom
  }
}
