/** How commands reach a server: the flags they share, and the options of the client that these stand for. */
import * as Argument from "effect/cli/Argument"
import type { Command } from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import type * as NesClient from "../client/NesClient.js"

/** A flag that may be left out, and what it is then. */
export const flag = <A, B = undefined>(
  of: Flag.Flag<A>,
  description: string,
  fallback?: B,
  alias?: string
): Flag.Flag<A | B> => {
  const otherwise = typeof fallback === "string" || typeof fallback === "number" ? ` (${fallback})` : ""
  const described = Flag.withDescription(
    alias === undefined ? of : Flag.withAlias(of, alias),
    `${description}${otherwise}`
  )
  return fallback === undefined
    ? Flag.map(Flag.optional(described), (given): A | B => Option.getOrElse(given, () => fallback as B))
    : Flag.withDefault(described, fallback)
}

export const output = { json: flag(Flag.Boolean("json"), "Print one JSON object a line", false) }

export const flags = {
  url: Argument.String("url").pipe(Argument.withDescription("The server: ws://, wss://, http:// or https://")),
  auth: flag(
    Flag.withFallbackConfig(Flag.String("auth"), Config.String("NES_AUTH")),
    "Credentials of the hello: a token, or JSON; the variable NES_AUTH does the same, unseen"
  ),
  basic: flag(Flag.String("basic"), "user:password, for HTTP's basic authentication in the hello"),
  header: flag(Flag.KeyValuePair("header"), "A header of the upgrade request, as name=value: cookie=session=5", {}),
  origin: flag(Flag.String("origin"), "The origin of the page that the client claims to be"),
  insecure: flag(Flag.Boolean("insecure"), "Accept any certificate", false),
  timeout: flag(Flag.Finite("timeout"), "How many seconds to wait for the connection and for each answer", 10),
  ...output
}

export type Input = Command.Config.Infer<typeof flags>

/** JSON where it is some, else the text itself: shells make quotes hard to write. */
export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export interface Target {
  readonly url: string
  readonly auth: unknown
  /** Options of the `ws` module. */
  readonly ws: object
  /** In milliseconds. */
  readonly timeout: number
}

export const target = ({ auth, basic, header: headers, insecure, origin, timeout, url }: Input): Target => ({
  url,
  auth: basic === undefined
    ? auth && parse(auth)
    : { headers: { authorization: `Basic ${Buffer.from(basic).toString("base64")}` } },
  ws: { headers, ...(origin !== undefined && { origin }), ...(insecure && { rejectUnauthorized: false }) },
  timeout: timeout * 1000
})

/** The client of a command that wants an answer now. */
export const options = (input: Input): NesClient.Options => {
  const { timeout, ...rest } = target(input)
  return { ...rest, connect: "required", connectTimeout: timeout, timeout, reconnect: false }
}
