/** `effect-nes doctor`: each step on the way to a connection, the first that fails, and what may help. */
import { randomBytes } from "node:crypto"
import { lookup } from "node:dns/promises"
import { type EventEmitter, once } from "node:events"
import { type IncomingMessage, request as httpRequest } from "node:http"
import { request as httpsRequest } from "node:https"
import { connect as connectTcp, isIP } from "node:net"
import { connect as connectTls } from "node:tls"
import { Client } from "../client/Client.js"
import { isNesError } from "../protocol/NesError.js"
import type { Input, Target } from "./Connecting.js"

type Options = Target & Pick<Input, "header" | "origin" | "insecure">

/** One step: `advice` where it failed, or only just did not. */
interface Check {
  readonly name: "address" | "DNS" | "TCP" | "TLS" | "upgrade" | "hello"
  readonly ok: boolean
  readonly detail: string
  readonly advice?: string
}

class Ill extends Error {
  constructor(message: string, readonly advice: string) {
    super(message)
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error ? (error as NodeJS.ErrnoException).code ?? error.message : String(error)

/** Waits for one of the events of what is destroyed then, not for ever, and explains what is wrong. */
const within = async <A>(
  timeout: number,
  begun: EventEmitter & { readonly destroy: () => unknown },
  events: ReadonlyArray<string>,
  read: (about: unknown) => A,
  explain: (code: string) => Ill
): Promise<A> => {
  const signal = AbortSignal.timeout(Math.max(0, Math.ceil(timeout)))
  begun.on("error", () => {})
  try {
    const [about] = await Promise.race(events.map((event) => once(begun, event, { signal })))
    return read(about)
  } catch (error) {
    throw signal.aborted ? new Ill("no answer in time", "A firewall or a proxy swallows it.") : explain(codeOf(error))
  } finally {
    begun.destroy()
  }
}

const parse = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^(?:ws|http)s?:$/.test(url.protocol) || url.hash !== "") {
    throw new Ill(
      `"${text}" is no address of a WebSocket`,
      "It begins with ws://, wss://, http:// or https://, and has no #."
    )
  }
  return url
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "")
const isSecure = (url: URL): boolean => /^(?:wss|https):$/.test(url.protocol)
const portOf = (url: URL): number => Number(url.port || (isSecure(url) ? 443 : 80))

const resolveName = async (url: URL): Promise<string> => {
  const host = hostOf(url)
  if (isIP(host) !== 0) {
    return `${host} is an address`
  }
  try {
    return `${host} is ${(await lookup(host, { all: true })).map(({ address }) => address).join(", ")}`
  } catch (error) {
    throw new Ill(`${host}: ${codeOf(error)}`, "The name is misspelt, or this machine's name server does not know it.")
  }
}

const reach = (url: URL, timeout: number): Promise<string> => {
  const [host, port] = [hostOf(url), portOf(url)]
  const socket = connectTcp({ host, port })
  return within(timeout, socket, ["connect"], () => `connected to ${socket.remoteAddress}:${port}`, (code) =>
    new Ill(
      `${host}:${port}: ${code}`,
      code === "ECONNREFUSED"
        ? "Nothing listens there: start the server, compare host and port; a server may listen at 127.0.0.1 or ::1 only."
        : "The machine cannot be reached from here."
    ))
}

const secure = (url: URL, { insecure, timeout }: Options): Promise<string> => {
  const host = hostOf(url)
  const name = isIP(host) === 0 ? { servername: host } : {}
  const socket = connectTls({ host, port: portOf(url), ...name, rejectUnauthorized: !insecure })
  return within(timeout, socket, ["secureConnect"], () => {
    const { valid_to: until } = socket.getPeerCertificate()
    const days = Math.floor((Date.parse(until) - Date.now()) / 86_400_000)
    return `${socket.getProtocol()}, the certificate is valid for ${days} more days`
  }, (code) =>
    new Ill(
      code,
      /CERT|UNABLE_TO|EXPIRED/.test(code)
        ? "The certificate is not trusted: name its authority in NODE_EXTRA_CA_CERTS, or try --insecure."
        : "The port speaks no TLS: try ws:// instead of wss://."
    ))
}

const advices: Readonly<Record<number, string>> = {
  200: "A web server answered it as an ordinary request: register the plugin there, or let the proxy pass Upgrade on.",
  400: "It is no WebSocket server, or a proxy drops the headers of the upgrade.",
  401: "The server's `origin` or `verifyUpgrade` refuses it: try --origin with the origin of the page.",
  403: "A proxy or `verifyUpgrade` refuses it.",
  404: "Nothing is at that path: the plugin's `path` belongs in the address.",
  426: "The server wants an upgrade that a proxy on the way has dropped.",
  429: "This address has too many connections: `maxConnectionsPerAddress`; behind a proxy all have the proxy's.",
  502: "The proxy does not reach the server behind it.",
  503: "The server stops, or the proxy has none that is ready: try again."
}

// A port that wants TLS refuses what comes without, each in its own way: with 400 at most. Whoever answers anything else
// would only log the probe as a broken request.
const unlessTls = (url: URL, options: Options) => async (reason: Error): Promise<never> => {
  const speaksTls = !isSecure(url) && !/^HTTP (?!400)/.test(reason.message) &&
    await secure(url, { ...options, insecure: true }).then(() => true, () => false)
  throw speaksTls ? new Ill(reason.message, "The port speaks TLS: try wss:// instead of ws://.") : reason
}

const upgrade = async (url: URL, { header, insecure, origin, timeout }: Options): Promise<string> => {
  const started = performance.now()
  const target = new URL(url.href.replace(/^ws/, "http"))
  const headers = {
    ...header,
    ...(origin !== undefined && { origin }),
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64")
  }
  const request = (isSecure(url) ? httpsRequest : httpRequest)(target, { headers, rejectUnauthorized: !insecure }).end()
  const status = await within(
    timeout,
    request,
    ["upgrade", "response"],
    (response) => (response as IncomingMessage).statusCode ?? 0,
    (code) => new Ill(code, "The port does not speak HTTP.")
  )
  if (status !== 101) {
    throw new Ill(`HTTP ${status}`, advices[status] ?? "It is not answered as a WebSocket.")
  }
  return `a WebSocket after ${Math.round(performance.now() - started)} ms`
}

const hello = async (url: URL, { auth, timeout, ws }: Options): Promise<string> => {
  const client = new Client(url, { ws })
  client.onError = null
  const since = performance.now()
  try {
    await client.connect({ auth, reconnect: false, timeout, helloTimeout: timeout })
    return `connected as ${client.id} after ${Math.round(performance.now() - since)} ms`
  } catch (error) {
    const status = isNesError(error) && "statusCode" in error ? error.statusCode : undefined
    throw new Ill(
      `${codeOf(error)}${status === undefined ? "" : ` (${status})`}`,
      status === 401
        ? "The server wants credentials, or others: --auth, --basic, or --header cookie=…"
        : status !== undefined
        ? "The application refuses it: see its `onConnection`."
        : isNesError(error) && error.type === "timeout"
        ? "The server does not answer the hello: its authentication or `onConnection` does not end, or it speaks no nes."
        : "The server ended the connection: it has `maxConnections`, or a hook disconnected, or it speaks no nes."
    )
  } finally {
    await client.disconnect()
  }
}

/** Examines; `each` hears of every step, and the first that fails is the last. Returns whether all went well. */
export const run = async (options: Options, each: (check: Check) => void): Promise<boolean> => {
  let url: URL | undefined
  const address = (): URL => url ??= parse(options.url)
  const steps: ReadonlyArray<readonly [Check["name"], () => string | Promise<string>]> = [
    ["address", () => `${address().protocol}//${address().host}${address().pathname}`],
    ["DNS", () => resolveName(address())],
    ["TCP", () => reach(address(), options.timeout)],
    ["TLS", () => isSecure(address()) ? secure(address(), options) : "none: the address is not a secure one"],
    ["upgrade", () => upgrade(address(), options).catch(unlessTls(address(), options))],
    ["hello", () => hello(address(), options)]
  ]
  for (const [name, step] of steps) {
    try {
      each({ name, ok: true, detail: await step() })
    } catch (error) {
      const advice = error instanceof Ill ? error.advice : "This should not happen: please report it."
      each({ name, ok: false, detail: error instanceof Error ? error.message : String(error), advice })
      return false
    }
  }
  return true
}
