/** The authentication endpoint (nes-api.txt, "auth"): internal for type `direct`, public for `cookie` and `token`. */
import type { Request, ResponseToolkit, Server } from "@hapi/hapi"
import * as Iron from "@hapi/iron"
import * as Thrown from "../protocol/Thrown.js"
import { errorAnswer } from "../server/conversation/ErrorAnswer.js"
import type { Passwords } from "../server/conversation/Password.js"
import { exchangeOf } from "./Exchange.js"
import type { AuthConfiguration, AuthOptions } from "./Options.js"

/** Declares the endpoint. Requests over a socket do not reach it, by whatever spelling of its path. */
export const declare = (
  server: Server,
  auth: AuthConfiguration,
  route: AuthOptions["route"],
  passwords: Passwords
): void => {
  const direct = auth.type === "direct"
  if (auth.type === "cookie") {
    server.state(auth.cookie, {
      isSecure: auth.isSecure,
      isHttpOnly: auth.isHttpOnly,
      isSameSite: auth.isSameSite,
      path: auth.path,
      domain: auth.domain ?? null,
      ttl: auth.ttl ?? null,
      encoding: "iron",
      // hapi unseals with this one, its types only with a string.
      password: passwords.unseal as string,
      iron: auth.iron,
      contextualize: (definition) => {
        definition.password = passwords.seal as string
      }
    })
  }
  server.route({
    // hapi takes any method, its types only the standard ones.
    method: (direct ? "auth" : "GET") as "GET",
    path: auth.endpoint,
    options: {
      id: auth.id,
      isInternal: direct,
      ...(route === undefined ? undefined : { auth: route }),
      // A cookie that the server cannot read any more must not keep its owner from getting a new one.
      state: { failAction: "ignore" },
      ext: {
        onPreAuth: {
          method: (request, h) => {
            const exchange = exchangeOf(request)
            if (exchange?.socket) {
              exchange.refused = true
              throw errorAnswer("routeUnknown")
            }
            return h.continue
          }
        }
      },
      handler: (request, h) => answer(request, h, auth, passwords)
    }
  })
}

// hapi's types leave the methods of its cookie manager out.
interface States {
  readonly format: (cookie: { readonly name: string; readonly value: unknown }) => Promise<unknown>
}

/** Fails where hapi or iron would refuse to make the cookie or token, at each login. */
export const rehearse = async (server: Server, auth: AuthConfiguration, passwords: Passwords): Promise<void> => {
  try {
    await (auth.type === "cookie"
      ? (server.states as unknown as States).format({ name: auth.cookie, value: {} })
      : auth.type === "token" && Iron.seal({}, passwords.seal, auth.iron))
  } catch (error) {
    throw new Error(`Invalid nes configuration: auth: ${Thrown.text(error)}`, { cause: error })
  }
}

const answer = async (request: Request, h: ResponseToolkit, auth: AuthConfiguration, passwords: Passwords) => {
  if (!request.auth.isAuthenticated) {
    return h.response({ status: "unauthenticated" })
  }
  const { artifacts, credentials, strategy } = request.auth
  const authentication = { credentials, artifacts, strategy }
  switch (auth.type) {
    case "direct":
      return h.response(authentication)
    case "cookie":
      return h.response({ status: "authenticated" }).state(auth.cookie, authentication)
    case "token":
      return h.response({
        status: "authenticated",
        token: await Iron.seal(authentication, passwords.seal, auth.iron)
      })
  }
}
