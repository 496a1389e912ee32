/** How commands reach a server: the flags they share, and the options of the client that these stand for. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import type * as NesClient from "../client/NesClient.js"

/** What every command has. */
export const output = {
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print one JSON object a line"), Flag.withDefault(false))
}

/** What every command has that connects. */
export const flags = {
  url: Argument.String("url").pipe(Argument.withDescription("The server: ws://, wss://, http:// or https://")),
  auth: Flag.String("auth").pipe(
    Flag.withDescription("Credentials of the hello: a token, or JSON; the variable NES_AUTH does the same, unseen"),
    Flag.withFallbackConfig(Config.String("NES_AUTH")),
    Flag.optional
  ),
  basic: Flag.String("basic").pipe(
    Flag.withDescription("user:password, for HTTP's basic authentication in the hello"),
    Flag.optional
  ),
  header: Flag.KeyValuePair("header").pipe(
    Flag.withDescription("A header of the upgrade request, as name=value: cookie=session=5"),
    Flag.withDefault({})
  ),
  origin: Flag.String("origin").pipe(
    Flag.withDescription("The origin of the page that the client claims to be"),
    Flag.optional
  ),
  insecure: Flag.Boolean("insecure").pipe(Flag.withDescription("Accept any certificate"), Flag.withDefault(false)),
  timeout: Flag.Finite("timeout").pipe(
    Flag.withDescription("How many seconds to wait for the connection and for each answer"),
    Flag.withDefault(10)
  ),
  ...output
}

/** What the flags were given. */
export interface Input {
  readonly url: string
  readonly auth: Option.Option<string>
  readonly basic: Option.Option<string>
  readonly header: Readonly<Record<string, string>>
  readonly origin: Option.Option<string>
  readonly insecure: boolean
  readonly timeout: number
  readonly json: boolean
}

/** JSON where it is some, else the text itself: shells make quotes hard to write. */
export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The credentials of the hello. */
export const credentials = ({ auth, basic }: Pick<Input, "auth" | "basic">): unknown =>
  Option.isSome(basic)
    ? { headers: { authorization: `Basic ${Buffer.from(basic.value).toString("base64")}` } }
    : Option.getOrUndefined(Option.map(auth, parse))

/** Options of the `ws` module. */
export const socketOptions = ({ header, insecure, origin }: Pick<Input, "header" | "insecure" | "origin">): object => ({
  headers: header,
  ...(Option.isSome(origin) && { origin: origin.value }),
  ...(insecure && { rejectUnauthorized: false })
})

/** The client of a command that wants an answer now. */
export const options = (input: Input): NesClient.Options => ({
  url: input.url,
  auth: credentials(input),
  ws: socketOptions(input),
  connect: "required",
  connectTimeout: input.timeout * 1000,
  timeout: input.timeout * 1000,
  reconnect: false
})
