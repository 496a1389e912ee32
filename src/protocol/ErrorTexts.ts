/** Every error that the server answers by itself, in one table; docs/protocol.md says when. */

/** A status, and a text in which `{…}` stands for what it names. */
export type Row = readonly [status: number, text: string]

export const answers = {
  unreadable: [400, "Cannot parse message"],
  typeNoText: [400, "Message type must be a string"],
  idMissing: [400, "Message missing id"],
  idInvalid: [400, "Message id must be a number or a string"],
  idInUse: [400, "Message id is that of a call under way"],
  typeUnknown: [400, "Unknown message type"],
  tooDeep: [400, "Message is nested too deeply"],
  notInitialized: [400, "Connection is not initialized"],
  alreadyInitialized: [400, "Connection already initialized"],
  wrongVersion: [400, "Incorrect protocol version (expected {version} but received {version})"],
  subsInvalid: [400, "Message subs must be an array of strings"],
  extensionsInvalid: [400, "Message extensions must be an array of strings"],
  subsTooMany: [400, "Message subs has too many paths"],
  helloRecoverInvalid: [400, "Message recover must be an object of positions"],
  helloHistoryInvalid: [400, "Message history must be an object of numbers"],
  helloPresenceInvalid: [400, "Message presence must be an object"],
  presenceTooLong: [400, "Message presence is too long"],
  presenceUnknown: [400, "Subscription has no presence"],
  methodMissing: [400, "Message missing method"],
  methodNoText: [400, "Message method must be a string"],
  methodInvalid: [400, "Message method must be an HTTP method"],
  pathMissing: [400, "Message missing path"],
  pathNoText: [400, "Message path must be a string"],
  pathInvalid: [400, "Message path has an invalid character"],
  headersInvalid: [400, "Message headers must be an object of header values"],
  headerInvalid: [400, "Message header {name} {reason}"],
  httpInvalid: [400, "Message http must be a boolean"],
  tagMissing: [400, "Message missing tag"],
  tagNoText: [400, "Message tag must be a string"],
  rpcHeadersInvalid: [400, "Message headers must be an array of pairs of strings"],
  traceIdNoText: [400, "Message traceId must be a string"],
  spanIdNoText: [400, "Message spanId must be a string"],
  sampledInvalid: [400, "Message sampled must be a boolean"],
  discardInvalid: [400, "Message discard must be a boolean"],
  authorizationHeader: [400, "Cannot include an Authorization header"],
  routeHasNoMethod: [400, "Cannot use route id with wildcard method route config"],
  recoverInvalid: [400, "Message recover must be a position"],
  historyInvalid: [400, "Message history must be a number"],
  subscriptionHasQuery: [400, "Subscription path cannot contain query"],
  alreadyAuthenticated: [400, "Connection already authenticated"],
  overHttp: [400, "Only over a socket"],
  targetUnclear: [400, "Either `socket` or `user` is to be given"],
  keyInvalid: [400, "An idempotency key has 1 to {characters} characters"],
  authenticationRequired: [401, "Connection requires authentication"],
  identityChanged: [401, "The credentials have changed"],
  tokenInvalid: [401, "Invalid token"],
  cookieInvalid: [401, "Invalid nes authentication cookie"],
  subscriptionNeedsAuthentication: [401, "Authentication required to subscribe"],
  credentialsMissing: [401, "Missing authentication"],
  verificationFailed: [403, "Credential verification failed"],
  scopeInsufficient: [403, "Insufficient scope to subscribe, expected any of: {scopes}"],
  userRequired: [403, "Application credentials cannot be used on a user subscription"],
  appRequired: [403, "User credentials cannot be used on an application subscription"],
  subscriptionsTooMany: [403, "Too many subscriptions"],
  subscriptionRevoked: [403, "Subscription revoked"],
  routeUnknown: [404, "Not Found"],
  subscriptionUnknown: [404, "Subscription not found"],
  keyBusy: [409, "The request with this idempotency key is under way"],
  pathTooLong: [414, "Message path is too long"],
  bodyNoJson: [415, "The content type is to be application/json"],
  keyUsed: [422, "This idempotency key was used for another request"],
  inFlightTooMany: [429, "Too many messages in flight"],
  cancelled: [499, "The call was cancelled"],
  unserialisable: [500, "Failed serializing message"],
  notOpen: [500, "Socket not open"],
  bodyEndless: [500, "The response is a stream of events and cannot be sent over a socket"],
  bodyTooLong: [500, "The response is longer than {bytes} bytes and cannot be sent over a socket"],
  bodyEncoded: [500, "The response is encoded ({encoding}) and cannot be sent over a socket"],
  bodyBinary: [500, "The response is binary and cannot be sent over a socket"],
  noMessages: [501, "Not Implemented"],
  userConnectionsTooMany: [503, "Too many connections for the authenticated user"],
  authenticationTooSlow: [503, "Authentication took too long"],
  updatesTooMany: [503, "Too many updates while subscribing"]
} as const satisfies Readonly<Record<string, Row>>

/** The HTTP statuses that refuse an upgrade, by what refuses it. */
export const upgradeRefusals = {
  origin: 401,
  verifyUpgrade: 401,
  maxConnections: 503,
  maxConnectionsPerAddress: 429,
  stopping: 503
} as const

export const textOf = ([, text]: Row, ...named: ReadonlyArray<string | number>): string => {
  let next = 0
  return text.replace(/\{\w+\}/g, () => String(named[next++]))
}
