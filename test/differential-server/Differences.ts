/**
 * The decided differences from `@hapi/nes` 14, server side: what docs/differences.md lists under "Server", and each
 * script with a `difference` names. The reason is the document's; here stands what is different.
 */
export const differences: Readonly<Record<string, string>> = {
  "S-auth-timeout": "`auth.timeout` runs only where authentication is required",
  "S-before-hello": "`broadcast` and `eachSocket` see only connections whose hello succeeded",
  "S-closing": "messages of a connection that the server is closing are not processed",
  "S-concurrent-sub": "a path subscribed twice at once calls `onSubscribe` once",
  "S-cookie-type-only": "only auth type `cookie` reads the cookie",
  "S-default-scope": "a subscription without `auth` follows the scope and entity of the server's default auth",
  "S-departed-subscriber":
    "who leaves while `onSubscribe` is running is not subscribed any more, and `onUnsubscribe` follows",
  "S-each-socket-sync": "`eachSocket` calls back for every socket before it returns",
  "S-empty-authorization": "an empty Authorization header is refused like any other",
  "S-endpoint-by-route": "the authentication endpoint is recognised by its route, not by the text of the path",
  "S-errors-logged": "an error of a filter, and one of a hook that is answered 500, is logged",
  "S-failed-sub-path": "a refused `sub` carries its `path`",
  "S-falsy-fields": "a falsy `type` or `id` that is no string counts as missing, and is not echoed",
  "S-falsy-override": "a filter may override with a falsy value",
  "S-field-types": "a field of the wrong JSON type is answered 400, with a text that names the field",
  "S-json-broken": "a string of type application/json that is not JSON is sent as a string",
  "S-json-replacement": "a string of type application/json is embedded unchanged, `$` included",
  "S-iron-merge": "`auth.iron` is laid over iron's defaults, setting by setting",
  "S-left-within-filter": "a subscriber who leaves while its filter is running gets nothing more",
  "S-limits": "one connection cannot have more than its share",
  "S-null": "`null` is answered `Cannot parse message`",
  "S-option-checks": "every invalid registration option is refused with `Invalid nes configuration`",
  "S-origin-exact": "`origin` matches exactly",
  "S-prototype-paths": "names of Object.prototype are ordinary paths and users",
  "S-publish-exact-path": "a publish reaches exactly the subscribers of its path, under optional parameters too",
  "S-reauth-index": "a reauthentication replaces the connection's place in the user index",
  "S-reauth-own-place": "a reauthentication does not count its own connection for `maxConnectionsPerUser`",
  "S-refused-hello": "after a refused hello nothing more is processed, and the server closes",
  "S-rotation": "what was sealed under the `id` of a rotation object is unsealed by it",
  "S-scope-prefixes": "scopes with `+` and `!` mean what they mean on hapi's routes",
  "S-sealed-shape": "a cookie or token that holds no authentication is refused",
  "S-stale-cookie": "the authentication endpoint answers a browser whose cookie cannot be read any more",
  "S-surrogate-pairs": "a chunk never ends inside a surrogate pair",
  "S-system-errors": "a hook that throws a TypeError, or what is no Error, is answered 500",
  "S-too-many-503": "`maxConnectionsPerUser` is answered 503 for every authentication type",
  "S-unsub-while-subscribing": "an `unsub` while `onSubscribe` is running ends the subscription"
}
