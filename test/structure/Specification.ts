/** The specification of nes's API (nes-api.txt), statement by statement, each with the tests that show it. */

import type { Shown } from "./Titles.js"

/** First line, last line, what they say, and what shows it. */
export type Statement = readonly [first: number, last: number, says: string, shown: Shown]

const contents: ReadonlyArray<Statement> = [
  [1, 5, "the parts: registration, server, socket, request, client", {
    "hapi/Plugin.test-d.ts": [
      "registration: the module, its default, its plugin, with and without options",
      "the decorations",
      "the members of a socket"
    ]
  }],
  [6, 19, "the members of a client", {
    "client/Client.test.ts": [
      "new Client(url, [options])",
      "client.onHeartbeatTimeout and client.onError",
      "client.onConnect",
      "client.onUpdate",
      "client.connect([options], callback)",
      "client.disconnect([callback])",
      "client.id",
      "client.request(options, callback)",
      "client.message(message, callback)",
      "client.subscribe(path, handler, callback)",
      "client.unsubscribe(path, handler, callback)",
      "client.subscriptions()",
      "client.overrideReconnectionAuth(auth) and client.reauthenticate(auth)",
      "\"delay\": reconnects, and calls onDisconnect and onConnect each time"
    ]
  }],
  [20, 20, "errors", {
    "protocol/NesError.test.ts": ["the six types are those of the specification, each once"]
  }]
]

const registration: ReadonlyArray<Statement> = [
  [21, 22, "registered by server.register(); every option may be left out", {
    "hapi/Registration.test.ts": ["takes %s", "null stands for the default everywhere"]
  }],
  [23, 27, "onConnection(socket), for each incoming connection, with its Socket", {
    "hapi/Registration.test.ts": [
      "is invoked for each connection with its Socket, authenticated, and before the hello's subscriptions"
    ]
  }],
  [28, 32, "onDisconnection(socket), for each connection that ends, with its Socket", {
    "hapi/Registration.test.ts": [
      "is invoked once for each connection that ended, however it ended, also one that never said hello"
    ]
  }],
  [33, 35, "onMessage(socket, message, next) receives what client.message() sends", {
    "hapi/Registration.test.ts": ["answers by %s"],
    "hapi/CallbackStyle.test.ts": ["hooks answer through next, the first call counts; a stopped server starts again"]
  }],
  [36, 38, "socket: the message's source", {
    "hapi/Registration.test.ts": ["receives the Socket of the message's source"]
  }],
  [39, 39, "message: what the client sent", {
    "hapi/Registration.test.ts": ["answers by %s"],
    "interop/interop.test.ts": ["sends messages"]
  }],
  [40, 42, "next(data) answers the client with data", {
    "hapi/Registration.test.ts": ["answers by %s"],
    "hapi/CallbackStyle.test.ts": [
      "a hook may return a call that gets a callback: what the callback does is the answer"
    ]
  }]
]

const authentication: ReadonlyArray<Statement> = [
  [43, 45, "auth: false for none, or an object", {
    "hapi/AuthenticationDirect.test.ts": [
      "there is no endpoint, and a hello with auth is refused, whatever the server's default"
    ],
    "hapi/Registration.test.ts": ["$place: $value"]
  }],
  [46, 47, "type: three flows, each with a profile of its own", {
    "hapi/AuthenticationDirect.test.ts": ["type 'direct', the default (nes-api.txt 46-51)"],
    "hapi/AuthenticationSealed.test.ts": ["type '%s' (nes-api.txt 51-56)"]
  }],
  [48, 48, "direct: an endpoint that the plugin alone calls, with what the client gives to connect()", {
    "hapi/AuthenticationDirect.test.ts": [
      "its HTTP method is `auth`, and it is out of reach of HTTP in any method",
      "with the documented client, in both styles"
    ],
    "hapi/AuthenticationRequests.test.ts": ["by no spelling and no method, type '%s'"]
  }],
  [49, 49, "its credentials and artifacts count for all requests and subscriptions that follow", {
    "hapi/AuthenticationDirect.test.ts": ["the scheme %s gives the connection its credentials"],
    "hapi/AuthenticationRequests.test.ts": ["a request passes the route's own auth with the connection's credentials"],
    "hapi/SubscriptionAuth.test.ts": ["`auth`: `false`, `mode`, `scope`, `entity`"]
  }],
  [50, 51, "a scheme that uses the HTTP method sees 'auth', not 'GET'; direct is the default", {
    "hapi/AuthenticationDirect.test.ts": [
      "a scheme that signs the method, as hawk does, sees `auth`",
      "type 'direct', the default (nes-api.txt 46-51)"
    ]
  }],
  [52, 53, "cookie: a public endpoint sets a cookie, which the browser sends with the upgrade", {
    "hapi/AuthenticationSealed.test.ts": [
      "the endpoint answers HTTP, and what it gives authenticates the connection",
      "without it, the connection requires authentication"
    ],
    "browser/Client.test.ts": ["authenticates with the cookie of a real login"]
  }],
  [54, 56, "token: a public endpoint answers a sealed token, which goes to connect() as auth", {
    "hapi/AuthenticationSealed.test.ts": [
      "the endpoint answers HTTP, and what it gives authenticates the connection",
      "type 'token': hello with what is no token"
    ],
    "interop/interop.test.ts": ["authenticates with a token from the endpoint"]
  }],
  [57, 60, "endpoint: its path, /nes/auth by default, registered for direct too", {
    "hapi/AuthenticationDirect.test.ts": [
      "its HTTP method is `auth`, and it is out of reach of HTTP in any method",
      "both may be changed; what is at their places then is the application's",
      "registered under a prefix, the endpoint has it"
    ],
    "hapi/AuthenticationSealed.test.ts": ["endpoint and id may be changed, and a prefix counts (nes-api.txt 57-61)"]
  }],
  [61, 61, "id: its route id, nes.auth by default", {
    "hapi/AuthenticationDirect.test.ts": [
      "its HTTP method is `auth`, and it is out of reach of HTTP in any method",
      "both may be changed; what is at their places then is the application's"
    ]
  }],
  [62, 65, "route: the endpoint's config.auth, any that hapi takes", {
    "hapi/AuthenticationDirect.test.ts": [
      "%s: authenticates without a default",
      "its scope counts at hello",
      "it wins over the server's default",
      "an unknown strategy is hapi's own error, at registration"
    ],
    "hapi/AuthenticationSealed.test.ts": ["the route's own strategy counts, and its scope (nes-api.txt 62-66)"]
  }],
  [66, 66, "by default the default strategy; without one nobody can authenticate", {
    "hapi/AuthenticationDirect.test.ts": [
      "the default strategy counts, though it is set after the registration",
      "the default strategy counts, though it is set while the server runs",
      "neither a default nor a route: no authentication is possible"
    ],
    "hapi/AuthenticationSealed.test.ts": [
      "the default strategy counts, though it is set after the registration (nes-api.txt 66)"
    ]
  }],
  [67, 67, "password: seals cookie and token; one is generated for each process if none is given", {
    "hapi/AuthenticationSealed.test.ts": [
      "%s seals and unseals, in every process that has it",
      "none (%j): one is generated, for this process and this server alone"
    ]
  }],
  [68, 68, "iron: settings, iron's own by default", {
    "hapi/AuthenticationSealed.test.ts": [
      "settings are laid over iron's defaults, those of each step too",
      "ttl: expired after it and the skew that is permitted, not before"
    ]
  }],
  [69, 70, "cookie: its name, nes by default", {
    "hapi/AuthenticationSealed.test.ts": ["the defaults", "by another name, only that cookie is read"]
  }],
  [71, 73, "isSecure: the Secure flag, set by default", {
    "hapi/AuthenticationSealed.test.ts": ["the defaults", "isSecure false"]
  }],
  [74, 76, "isHttpOnly: the HttpOnly flag, set by default", {
    "hapi/AuthenticationSealed.test.ts": ["the defaults", "isHttpOnly false"]
  }],
  [77, 79, "path: the cookie's path, / by default", {
    "hapi/AuthenticationSealed.test.ts": ["the defaults", "path"]
  }],
  [80, 82, "domain: the cookie's domain, none by default", {
    "hapi/AuthenticationSealed.test.ts": ["the defaults", "domain"]
  }],
  [83, 84, "ttl: the cookie's age in ms, the browser's session by default", {
    "hapi/AuthenticationSealed.test.ts": ["the defaults", "ttl, in milliseconds"]
  }],
  [85, 90, "index: the property of the credentials by which server.broadcast() finds users; false by default", {
    "hapi/AuthenticationLimits.test.ts": [
      "true: broadcast reaches the connections of credentials.user alone",
      "a property's name: the same by that property",
      "%s: there is no index to broadcast by"
    ]
  }],
  [91, 93, "timeout: ms until the hello where authentication is required; 5000 by default, false for none", {
    "hapi/AuthenticationLimits.test.ts": [
      "ends a connection that has not said hello, whatever else it sends",
      "is 5 seconds unless given",
      "it is false"
    ]
  }],
  [94, 96, "maxConnectionsPerUser: a limit for each authenticated user; needs index; none by default", {
    "hapi/AuthenticationLimits.test.ts": [
      "limits each user's connections; others and those without a user are not concerned",
      "requires index",
      "%s: as many as there are"
    ]
  }]
]

const options: ReadonlyArray<Statement> = [
  [97, 100, "headers: which of a response's headers the client gets: a list, '*' for all, none by default", {
    "hapi/Registration.test.ts": ["%s: none", "a list: %j, whatever its case", "'*': all"]
  }],
  [101, 104, "payload.maxChunkChars: how much of the JSON goes in one WebSocket message; no limit by default", {
    "hapi/Registration.test.ts": ["%i characters at most in one WebSocket message", "%s: no limit"]
  }],
  [105, 107, "heartbeat: false for none, or an object", {
    "hapi/Registration.test.ts": ["%j is announced as %j", "false: no heartbeats, and who is silent stays"]
  }],
  [108, 110, "interval: ms between heartbeats, 15000 by default", {
    "hapi/Registration.test.ts": [
      "%j is announced as %j",
      "unless given, pings every 15 seconds, and looks 5 seconds later who gave a sign of life since last time"
    ]
  }],
  [111, 112, "timeout: ms after a heartbeat until a silent client is disconnected, 5000 by default", {
    "hapi/Registration.test.ts": [
      "pings each interval, and disconnects who gives no sign of life",
      "unless given, pings every 15 seconds, and looks 5 seconds later who gave a sign of life since last time"
    ]
  }],
  [113, 115, "maxConnections: how many at the same time; no limit by default", {
    "hapi/Registration.test.ts": [
      "limits the simultaneous connections, those that have not said hello included",
      "%s: as many as there are"
    ]
  }],
  [116, 116, "origin: one or several that a connection must come from; not looked at by default", {
    "hapi/Registration.test.ts": ["%j permits %j and refuses %j with 401"]
  }]
]

const broadcasting: ReadonlyArray<Statement> = [
  [117, 117, "the server is decorated with methods", {
    "hapi/Plugin.test-d.ts": ["the decorations"],
    "hapi/Lifecycle.test.ts": [
      "inside another plugin, with a prefix: its endpoint and the plugin's routes have it, everything works"
    ]
  }],
  [118, 118, "server.broadcast() sends to all connected clients", {
    "hapi/Publish.test.ts": ["`message` goes to all connected clients: %j"]
  }],
  [119, 121, "message: whatever JSON.stringify() takes", {
    "hapi/Publish.test.ts": [
      "`message` goes to all connected clients: %j",
      "what cannot be serialised is logged, and reaches nobody"
    ]
  }],
  [122, 127, "user: only to sockets of that user; needs auth.index", {
    "hapi/Publish.test.ts": ["`user`: only to sockets with `credentials.user` equal to it; needs `auth.index`"],
    "hapi/AuthenticationLimits.test.ts": ["index (nes-api.txt 84-89, 122-127)"]
  }],
  [128, 128, "of several servers, only this one's clients", {
    "hapi/Publish.test.ts": ["only the clients of the server that broadcasts"]
  }]
]

const subscriptions: ReadonlyArray<Statement> = [
  [129, 129, "server.subscription() declares a path", {
    "hapi/Subscriptions.test.ts": ["can be declared while clients are connected"]
  }],
  [130, 132, "path: begins with /, may have parameters as hapi's routes have them", {
    "hapi/Subscriptions.test.ts": [
      "must begin with /",
      "%s with %s: every hook gets the params that a route gets",
      "any parameter value comes through as a route has it",
      "%s: what no route would answer is no subscription"
    ]
  }],
  [133, 134, "filter(path, message, options, next) decides for each client", {
    "hapi/Filter.test.ts": ["are those of the publish and of the subscriber"],
    "hapi/CallbackStyle.test.ts": ["hooks answer through next, the first call counts; a stopped server starts again"]
  }],
  [135, 136, "path: that of the update", {
    "hapi/Filter.test.ts": ["are those of the publish and of the subscriber"]
  }],
  [137, 137, "message: the update", {
    "hapi/Filter.test.ts": ["are those of the publish and of the subscriber"]
  }],
  [138, 139, "options.socket: the one it would go to", {
    "hapi/Filter.test.ts": ["are those of the publish and of the subscriber"]
  }],
  [140, 140, "options.credentials: the client's, if it is authenticated", {
    "hapi/Filter.test.ts": ["are those of the publish and of the subscriber"]
  }],
  [141, 141, "options.params: those of the update's path", {
    "hapi/Filter.test.ts": ["are those of the publish and of the subscriber"],
    "hapi/Subscriptions.test.ts": ["%s with %s: every hook gets the params that a route gets"]
  }],
  [142, 143, "options.internal: what publish was given", {
    "hapi/Filter.test.ts": ["are those of the publish and of the subscriber"],
    "hapi/Publish.test.ts": ["`internal` goes to the filter and never to a client; `user` and `internal` together"]
  }],
  [144, 145, "next(isMatch, [override])", {
    "hapi/Filter.test.ts": ["next(true), later", "next(true, override), later", "next(false), later"]
  }],
  [146, 148, "isMatch: true for an update that is sent", {
    "hapi/Filter.test.ts": ["next(true)", "next(false)"]
  }],
  [149, 151, "override: sent to this socket instead", {
    "hapi/Filter.test.ts": [
      "next(true, override)",
      "an override is for one subscriber; the others get what was published"
    ]
  }],
  [152, 152, "a message changed without a clone is changed for the others", {
    "hapi/Filter.test.ts": ["itself changes it for the others, too", "in a clone changes it for one"]
  }],
  [153, 155, "auth: false for none, or an object", {
    "hapi/SubscriptionAuth.test.ts": ["false: no authentication required", "%j is refused, and named"]
  }],
  [156, 158, "mode: required, the default", {
    "hapi/SubscriptionAuth.test.ts": ["mode 'required' is the default", "mode 'required'"]
  }],
  [159, 159, "mode: optional", {
    "hapi/SubscriptionAuth.test.ts": ["mode 'optional'"]
  }],
  [160, 161, "scope: one or several, as hapi has them", {
    "hapi/SubscriptionAuth.test.ts": [
      "scope: a string",
      "scope: an array, any of which will do",
      "scope: + requires",
      "scope: ! forbids",
      "stands for the parameter of the path that is subscribed to"
    ]
  }],
  [162, 164, "entity: user, app or any", {
    "hapi/SubscriptionAuth.test.ts": ["entity 'user'", "entity 'app'", "entity 'any'"]
  }],
  [165, 171, "index: subscribers are found by credentials.user; false by default", {
    "hapi/SubscriptionAuth.test.ts": [
      "`server.publish(path, message, { user })` reaches that user's subscribers alone",
      "defaults to false: a publish to a user is then refused"
    ]
  }],
  [172, 173, "onSubscribe(socket, path, params, next), when a client subscribes", {
    "hapi/Subscriptions.test.ts": ["%s: socket, path and params; the answer waits for them"]
  }],
  [174, 176, "socket: the subscriber's", {
    "hapi/Subscriptions.test.ts": ["%s: socket, path and params; the answer waits for them"]
  }],
  [177, 177, "path: what it subscribed to", {
    "hapi/Subscriptions.test.ts": ["%s: socket, path and params; the answer waits for them"]
  }],
  [178, 178, "params: parsed from that path", {
    "hapi/Subscriptions.test.ts": ["%s with %s: every hook gets the params that a route gets"]
  }],
  [179, 179, "next(err) completes the subscription", {
    "hapi/Subscriptions.test.ts": ["%s: socket, path and params; the answer waits for them"],
    "hapi/Races.test.ts": ["that never answers holds up only its own message"]
  }],
  [180, 181, "err: fails it, and is passed to the client", {
    "hapi/Subscriptions.test.ts": ["%s: `err` fails the subscription and is passed to the client"]
  }],
  [182, 183, "onUnsubscribe(socket, path, params, next), when a client unsubscribes", {
    "hapi/Subscriptions.test.ts": [
      "%s: socket, path and params; the answer waits for them",
      "`onUnsubscribe` follows an unsub, a revoke and a disconnect, with the params of the subscription"
    ]
  }],
  [184, 186, "socket: the subscriber's", {
    "hapi/Subscriptions.test.ts": ["%s: socket, path and params; the answer waits for them"]
  }],
  [187, 187, "path: what it was subscribed to", {
    "hapi/Subscriptions.test.ts": ["%s: socket, path and params; the answer waits for them"]
  }],
  [188, 188, "params: parsed from that path", {
    "hapi/Subscriptions.test.ts": ["%s with %s: every hook gets the params that a route gets"]
  }],
  [189, 190, "next() completes the end of the subscription", {
    "hapi/Subscriptions.test.ts": ["%s: socket, path and params; the answer waits for them"],
    "hapi/CallbackStyle.test.ts": [
      "a hook may return a call that gets a callback: what the callback does is the answer"
    ]
  }]
]

const publishing: ReadonlyArray<Statement> = [
  [191, 191, "server.publish() sends to all subscribed clients", {
    "hapi/Publish.test.ts": ["`path`: matched against the specific path of each client"]
  }],
  [192, 194, "path: matched with the subscriptions, then with the path of each client", {
    "hapi/Publish.test.ts": [
      "`path`: matched against the specific path of each client",
      "nobody subscribed: done, and nothing happens"
    ],
    "hapi/Subscriptions.test.ts": [
      "the first declared path that matches best wins, in whatever order they were declared"
    ]
  }],
  [195, 195, "the filter then says which client gets it", {
    "hapi/Filter.test.ts": ["are those of the publish and of the subscriber", "next(true)", "next(false)"]
  }],
  [196, 197, "message: whatever JSON.stringify() takes", {
    "hapi/Publish.test.ts": [
      "`message` of any type that JSON has: %j",
      "what cannot be serialised is logged, and reaches nobody"
    ]
  }],
  [198, 200, "internal: for the filter, never sent", {
    "hapi/Publish.test.ts": ["`internal` goes to the filter and never to a client; `user` and `internal` together"]
  }],
  [201, 205, "user: only to sockets of that user; needs the subscription's auth.index", {
    "hapi/SubscriptionAuth.test.ts": [
      "`server.publish(path, message, { user })` reaches that user's subscribers alone",
      "defaults to false: a publish to a user is then refused"
    ]
  }],
  [206, 206, "server.eachSocket() goes over all sockets, or the subscribers of a path, synchronously", {
    "hapi/EachSocket.test.ts": ["iterates over all connected sockets, synchronously and in order"]
  }],
  [207, 209, "each(socket)", {
    "hapi/EachSocket.test.ts": [
      "iterates over all connected sockets, synchronously and in order",
      "passes the same Socket for the same connection each time"
    ]
  }],
  [210, 211, "subscription: only the subscribers of that path", {
    "hapi/EachSocket.test.ts": ["`subscription`: only the sockets subscribed to that path"]
  }],
  [212, 217, "user: only sockets of that user; needs the subscription's auth.index", {
    "hapi/EachSocket.test.ts": [
      "`user`: only authenticated sockets of that user, subscribed to the path; needs `auth.index`"
    ]
  }]
]

const socket: ReadonlyArray<Statement> = [
  [218, 219, "a client's connection; id: unique", {
    "hapi/Socket.test.ts": ["`socket.id`: a unique identifier, the client's `id`"]
  }],
  [220, 220, "app: the application's own state", {
    "hapi/Socket.test.ts": ["`socket.app`: state that lasts as long as the socket, and is its own"]
  }],
  [221, 225, "auth, as request.auth; isAuthenticated", {
    "hapi/Socket.test.ts": ["`socket.auth`: `isAuthenticated`, `credentials`, `artifacts`, and the `strategy`"]
  }],
  [226, 226, "auth.credentials", {
    "hapi/Socket.test.ts": ["`socket.auth`: `isAuthenticated`, `credentials`, `artifacts`, and the `strategy`"]
  }],
  [227, 227, "auth.artifacts, of the strategy", {
    "hapi/Socket.test.ts": ["`socket.auth`: `isAuthenticated`, `credentials`, `artifacts`, and the `strategy`"],
    "hapi/AuthenticationSealed.test.ts": ["artifacts and strategy of a custom scheme come along"]
  }],
  [228, 229, "server; connection", {
    "hapi/Socket.test.ts": ["`socket.server` and `socket.connection`: the hapi server"]
  }],
  [230, 230, "disconnect() closes the connection", {
    "hapi/Socket.test.ts": ["a Promise that ends when it is fully closed, after `onDisconnection`"]
  }],
  [231, 233, "its callback(), when it is fully closed", {
    "hapi/Socket.test.ts": ["a callback with the signature function()"]
  }],
  [234, 234, "send() sends a custom message", {
    "hapi/Socket.test.ts": [
      "`socket.send(message, [callback])`: a custom message, which the client gets as an update"
    ],
    "interop/interop.test.ts": ["receives broadcasts, and what is sent to it alone"]
  }],
  [235, 237, "message: whatever JSON.stringify() takes", {
    "hapi/Socket.test.ts": [
      "`socket.send(message, [callback])`: a custom message, which the client gets as an update",
      "what cannot be serialised fails the call, is logged, and harms nothing"
    ]
  }],
  [238, 240, "its callback(err)", {
    "hapi/Socket.test.ts": ["a callback with the signature function(err)"]
  }],
  [241, 241, "publish() sends an update to this client", {
    "hapi/Socket.test.ts": ["reaches its handlers; a client that is not subscribed ignores it"]
  }],
  [242, 244, "path: one that the client did not subscribe to is ignored silently", {
    "hapi/Socket.test.ts": ["reaches its handlers; a client that is not subscribed ignores it"]
  }],
  [245, 246, "message: whatever JSON.stringify() takes", {
    "hapi/Socket.test.ts": [
      "reaches its handlers; a client that is not subscribed ignores it",
      "what cannot be serialised fails the call, is logged, and harms nothing"
    ]
  }],
  [247, 249, "its callback(err)", {
    "hapi/Socket.test.ts": [
      "reaches its handlers; a client that is not subscribed ignores it",
      "fails when the socket is not open"
    ]
  }],
  [250, 250, "revoke() ends a subscription, with a last update or without", {
    "hapi/Socket.test.ts": ["with a last update", "with null: without a last update"],
    "interop/interop.test.ts": ["sees its subscriptions revoked, with a last message or without"]
  }],
  [251, 253, "path: one that the client is not subscribed to is ignored silently", {
    "hapi/Socket.test.ts": ["a path the client is not subscribed to: it is told nothing and can subscribe"]
  }],
  [254, 256, "message: whatever JSON.stringify() takes; null for none", {
    "hapi/Socket.test.ts": [
      "with a last update",
      "with a falsy last update",
      "with null: without a last update",
      "what cannot be serialised fails the call, is logged, and harms nothing"
    ]
  }],
  [257, 259, "its callback(err)", {
    "hapi/Socket.test.ts": ["with a callback, and with options and a callback"]
  }]
]

const request: ReadonlyArray<Statement> = [
  [260, 262, "request.socket: the Socket that a request came over", {
    "hapi/Socket.test.ts": [
      "is the socket a request came over, from onRequest on",
      "is null for ordinary HTTP requests, and for server.inject"
    ]
  }]
]

const connecting: ReadonlyArray<Statement> = [
  [263, 263, "speaks nes's protocol, connects again by default, authenticates", {
    "client/Client.test.ts": [
      "says hello and nothing that nes does not know",
      "\"delay\": reconnects, and calls onDisconnect and onConnect each time"
    ],
    "interop/interop.test.ts": ["reconnects with its subscriptions", "authenticates, and is refused when it does not"]
  }],
  [264, 267, "new Client(url): a WebSocket address", {
    "client/Client.test.ts": [
      "\"url - the WebSocket address to connect to\": ws:, http: and URL objects",
      "an address that is none is the user's error, when connecting"
    ],
    "hapi/Lifecycle.test.ts": ["TLS"]
  }],
  [268, 269, "ws: passed to the ws module as it is, in Node", {
    "client/Client.test.ts": [
      "\"ws - available only when the client is used in node.js and passed as-is to the ws module\""
    ],
    "hapi/Lifecycle.test.ts": ["TLS"]
  }],
  [270, 271, "timeout: ms for an answer, none by default", {
    "client/Client.test.ts": [
      "\"timeout - server response timeout in milliseconds\", and a late answer is silent",
      "\"Defaults to false (no timeout)\""
    ],
    "client/Calls.test.ts": ["that times out fails, and its late answer is silent (nes-api.txt, timeout)"]
  }],
  [272, 274, "onError(err): errors that belong to no pending call", {
    "client/Client.test.ts": [
      "\"Invoked whenever an error happens that cannot be associated with a pending request\": console.error by default",
      "hears what a handler, a callback or an event property throws; delivery and connection go on"
    ],
    "client/Calls.test.ts": ["is told to onError, and the connection goes on (interop.md, \"Client errors\")"]
  }],
  [275, 277, "onConnect(): the first connection, and every one after it", {
    "client/Client.test.ts": [
      "\"initial connection and subsequent reconnections\", \"signature function()\"",
      "takes a callback, with options or without, after onConnect"
    ]
  }],
  [278, 279, "onDisconnect(willReconnect, log)", {
    "client/Client.test.ts": ["\"delay\": reconnects, and calls onDisconnect and onConnect each time"]
  }],
  [280, 281, "willReconnect: whether it will try by itself", {
    "client/Client.test.ts": [
      "\"delay\": reconnects, and calls onDisconnect and onConnect each time",
      "\"err - an error response\""
    ],
    "client/Reconnecting.test.ts": ["willReconnect is the truth, and the last attempt's failure ends it"]
  }],
  [282, 282, "log: what is known of the end", {
    "client/Client.test.ts": [
      "\"delay\": reconnects, and calls onDisconnect and onConnect each time",
      "\"Disconnects the client from the server and stops future reconnects\""
    ]
  }],
  [283, 287, "onUpdate(message): what server.broadcast() and socket.send() send", {
    "client/Client.test.ts": ["\"Invoked whenever the server calls server.broadcast() or socket.send()\""],
    "interop/interop.test.ts": ["receives broadcasts, and what is sent to it alone"]
  }],
  [288, 288, "connect() connects to the server", {
    "client/Client.test.ts": ["says hello and nothing that nes does not know"],
    "interop/interop.test.ts": ["connects"]
  }],
  [289, 292, "auth: for type token, the token of the endpoint", {
    "interop/interop.test.ts": ["authenticates with a token from the endpoint"]
  }],
  [293, 294, "auth: for type direct, what the strategy expects, mostly headers", {
    "hapi/AuthenticationDirect.test.ts": ["with the documented client, in both styles"],
    "interop/interop.test.ts": ["authenticates, and is refused when it does not"]
  }],
  [295, 298, "delay: ms, growing by itself with each attempt, up to maxDelay", {
    "client/Client.test.ts": ["\"delay\": reconnects, and calls onDisconnect and onConnect each time"],
    "client/Reconnecting.test.ts": [
      "waits 1, 2, 3, 4, 5, 5, … seconds (nes-api.txt, delay: \"The delay time is cumulative\")"
    ]
  }],
  [299, 299, "maxDelay: the longest delay, in ms", {
    "client/Reconnecting.test.ts": ["delay and maxDelay (nes-api.txt, maxDelay); 0 stands for the default"]
  }],
  [300, 301, "retries: how many attempts, without limit by default", {
    "client/Reconnecting.test.ts": ["retries (nes-api.txt, \"number of reconnection attempts\")"],
    "client/Faults.test.ts": ["before it opened: nobody listens"]
  }],
  [302, 302, "timeout: ms until the socket is open; the WebSocket's own by default", {
    "client/Client.test.ts": [
      "\"timeout - socket connection timeout in milliseconds\"",
      "\"Defaults to the WebSocket implementation timeout default\", which is none"
    ],
    "client/Connecting.test.ts": ["times out (connect's timeout covers opening only) and goes on in the background"]
  }],
  [303, 306, "callback(err): the server's answer", {
    "client/Client.test.ts": [
      "takes a callback, with options or without, after onConnect",
      "\"err - an error response\""
    ]
  }],
  [307, 307, "disconnect() disconnects, for good", {
    "client/Client.test.ts": [
      "\"Disconnects the client from the server and stops future reconnects\"",
      "takes a callback, which hears nothing, also when there is nothing to disconnect"
    ],
    "client/Connecting.test.ts": [
      "while waiting to reconnect ends at once, and for good (nes-api.txt, client.disconnect, \"stops future reconnects\")"
    ]
  }],
  [308, 308, "id: the server's name for the socket, once connected", {
    "client/Client.test.ts": ["\"The value is set after the connection is established\""],
    "hapi/Socket.test.ts": ["`socket.id`: a unique identifier, the client's `id`"]
  }]
]

const calls: ReadonlyArray<Statement> = [
  [309, 309, "request() sends a request to an endpoint", {
    "hapi/Requests.test.ts": ["`options` is a text: a path or a route id, by GET"],
    "interop/interop.test.ts": ["requests"]
  }],
  [310, 311, "options: a path or a route id, by GET", {
    "client/Client.test.ts": [
      "\"a string with the requested endpoint path or route id (defaults to a GET method)\""
    ],
    "hapi/Requests.test.ts": ["`options` is a text: a path or a route id, by GET"]
  }],
  [312, 312, "options: or an object", {
    "client/Client.test.ts": ["\"an object\" with path, method, headers, payload"]
  }],
  [313, 314, "path: a path or a route id", {
    "hapi/Requests.test.ts": [
      "`options` is an object: `path` is a path or a route id; `method` is any that the server has, GET by default"
    ],
    "interop/interop.test.ts": ["requests by route id"]
  }],
  [315, 316, "method: any that the server has, GET by default", {
    "client/Client.test.ts": ["\"an object\" with path, method, headers, payload"],
    "hapi/Requests.test.ts": [
      "`options` is an object: `path` is a path or a route id; `method` is any that the server has, GET by default"
    ]
  }],
  [317, 317, "headers: none by default, and never Authorization", {
    "hapi/Requests.test.ts": [
      "`headers` and `payload` reach the handler; without them there are none",
      "`headers` cannot include an Authorization header"
    ],
    "hapi/AuthenticationRequests.test.ts": ["an Authorization header cannot be smuggled (nes-api.txt 317)"]
  }],
  [318, 318, "payload: sent to the server", {
    "client/Client.test.ts": ["\"an object\" with path, method, headers, payload"],
    "hapi/Requests.test.ts": ["`headers` and `payload` reach the handler; without them there are none"]
  }],
  [319, 320, "callback(err, payload, statusCode, headers)", {
    "client/Client.test.ts": [
      "\"signature function(err, payload, statusCode, headers)\", also when the server answers with an error"
    ],
    "hapi/Requests.test.ts": ["`callback` gets err, payload, statusCode and headers"]
  }],
  [321, 323, "err: an Error, if it failed", {
    "client/Client.test.ts": [
      "\"signature function(err, payload, statusCode, headers)\", also when the server answers with an error",
      "fails without a connection, and never calls back synchronously"
    ],
    "hapi/Requests.test.ts": ["`callback` gets err, payload, statusCode and headers"]
  }],
  [324, 324, "payload: the response", {
    "hapi/Requests.test.ts": ["`callback` gets err, payload, statusCode and headers"]
  }],
  [325, 325, "statusCode: HTTP's", {
    "hapi/Requests.test.ts": ["`callback` gets err, payload, statusCode and headers"]
  }],
  [326, 326, "headers: those that the server was told to send", {
    "hapi/Requests.test.ts": ["`callback` gets err, payload, statusCode and headers"],
    "interop/interop.test.ts": ["sees the response headers it may see"]
  }],
  [327, 328, "message() sends to the server's onMessage", {
    "client/Client.test.ts": ["client.message(message, callback)"],
    "interop/interop.test.ts": ["sends messages"]
  }],
  [329, 331, "message: whatever JSON.stringify() takes", {
    "client/Client.test.ts": ["\"Can be any type which can be safely converted to string using JSON.stringify()\""]
  }],
  [332, 333, "callback(err, message)", {
    "client/Client.test.ts": ["\"signature function(err, message)\""]
  }],
  [334, 334, "err: if it failed", {
    "client/Client.test.ts": ["\"signature function(err, message)\""]
  }],
  [335, 335, "message: the answer, if it did not", {
    "client/Client.test.ts": ["\"signature function(err, message)\""]
  }]
]

const following: ReadonlyArray<Statement> = [
  [336, 336, "subscribe() subscribes", {
    "client/Client.test.ts": ["\"signature function(message, flags)\": revoked on the last update only"],
    "interop/interop.test.ts": ["subscribes and receives what is published, as far as the filter lets it"]
  }],
  [337, 340, "path: like an HTTP path, one that the server has", {
    "hapi/Subscriptions.test.ts": [
      "%s with %s: every hook gets the params that a route gets",
      "%s: what no route would answer is no subscription"
    ],
    "interop/interop.test.ts": ["is refused a subscription that does not exist"]
  }],
  [341, 342, "handler(message, flags)", {
    "client/Client.test.ts": ["\"signature function(message, flags)\": revoked on the last update only"]
  }],
  [343, 343, "message: the update", {
    "client/Client.test.ts": ["\"signature function(message, flags)\": revoked on the last update only"],
    "hapi/Publish.test.ts": ["`message` of any type that JSON has: %j"]
  }],
  [344, 346, "flags.revoked: true with the last update of a subscription that the server ended", {
    "client/Client.test.ts": ["\"signature function(message, flags)\": revoked on the last update only"],
    "hapi/Socket.test.ts": ["with a last update"]
  }],
  [347, 348, "callback(err), when the server has answered, or cannot be reached", {
    "client/Client.test.ts": [
      "\"callback … when the subscription request was received by the server or failed to transmit\""
    ],
    "client/Subscriptions.test.ts": ["a subscription or its end, under way when the connection is lost, fails"]
  }],
  [349, 350, "err: if it failed", {
    "client/Client.test.ts": [
      "\"callback … when the subscription request was received by the server or failed to transmit\""
    ]
  }],
  [351, 354, "before connect(), the server's error comes through connect()", {
    "client/Client.test.ts": [
      "\"when subscribe() is called before the client connects, any server errors will be received via connect()\""
    ],
    "client/Connecting.test.ts": [
      "refused for a subscription removes that path only (nes-api.txt, client.subscribe, \"Note that\")"
    ]
  }],
  [355, 355, "unsubscribe() ends a subscription", {
    "client/Client.test.ts": [
      "\"remove a specific handler from a subscription or null to remove all handlers for the given path\""
    ],
    "interop/interop.test.ts": ["unsubscribes"]
  }],
  [356, 357, "path: as it was subscribed to", {
    "client/Client.test.ts": [
      "\"remove a specific handler from a subscription or null to remove all handlers for the given path\""
    ]
  }],
  [358, 359, "handler: that one, or null for all of the path", {
    "client/Client.test.ts": [
      "\"remove a specific handler from a subscription or null to remove all handlers for the given path\""
    ],
    "client/Subscriptions.test.ts": ["the path is unsubscribed with its last listener, or with all at once"]
  }],
  [360, 361, "callback(err), when the server has answered, or cannot be reached", {
    "client/Client.test.ts": [
      "\"remove a specific handler from a subscription or null to remove all handlers for the given path\"",
      "\"if present, indicates the request has failed\": refused, cut off, or for a path that is none"
    ]
  }],
  [362, 362, "err: if it failed", {
    "client/Client.test.ts": [
      "\"if present, indicates the request has failed\": refused, cut off, or for a path that is none"
    ]
  }],
  [363, 363, "subscriptions(): the paths there are", {
    "client/Client.test.ts": ["\"Returns an array of the current subscription paths\""]
  }],
  [364, 364, "overrideReconnectionAuth() sets the credentials for reconnecting", {
    "client/Client.test.ts": ["\"Returns true if reconnection is enabled, otherwise false\""],
    "client/Reconnecting.test.ts": [
      "overrideReconnectionAuth (nes-api.txt, \"Returns true if reconnection is enabled\")"
    ]
  }],
  [365, 368, "auth: as in connect()", {
    "client/Client.test.ts": ["\"Returns true if reconnection is enabled, otherwise false\""]
  }],
  [369, 371, "true where reconnection is on; else false, and ignored", {
    "client/Client.test.ts": [
      "\"Returns true if reconnection is enabled, otherwise false\"",
      "\"in which case the method was ignored\": without reconnection"
    ]
  }]
]

const errors: ReadonlyArray<Statement> = [
  [372, 373, "errors that callbacks and handlers get have a type", {
    "protocol/NesError.test.ts": [
      "is an Error with the documented decorations",
      "the six types are those of the specification, each once"
    ]
  }],
  [374, 375, "disconnect: the socket was gone before the answer", {
    "client/Client.test.ts": ["fails without a connection, and never calls back synchronously"],
    "client/Connecting.test.ts": ["with calls pending: onDisconnect, then the calls fail, then both disconnects end"],
    "interop/interop.test.ts": ["disconnects"]
  }],
  [376, 376, "protocol: the server broke the protocol", {
    "client/Calls.test.ts": [
      "is told to onError, and the connection goes on (interop.md, \"Client errors\")",
      "in answer to a call ends that call as well"
    ],
    "client/Client.test.ts": [
      "\"Invoked whenever an error happens that cannot be associated with a pending request\": console.error by default"
    ]
  }],
  [377, 377, "server: the server answered with an error", {
    "client/Calls.test.ts": ["fails with the server's error: its message, else its error, else Error, for any payload"],
    "interop/interop.test.ts": ["gets the errors of routes and of the protocol"]
  }],
  [378, 378, "timeout: it took too long", {
    "client/Client.test.ts": [
      "\"timeout - server response timeout in milliseconds\", and a late answer is silent",
      "\"timeout - socket connection timeout in milliseconds\"",
      "a silent server: onError, then onHeartbeatTimeout, then onDisconnect"
    ]
  }],
  [379, 379, "user: the API was misused", {
    "client/Client.test.ts": [
      "misuse: while connected, and while reconnecting",
      "nothing to request is the user's error, and the call's",
      "without a handler that can be called fails, and sends nothing"
    ]
  }],
  [380, 380, "ws: the socket failed", {
    "client/Client.test.ts": ["\"Defaults to the WebSocket implementation timeout default\", which is none"],
    "client/Connecting.test.ts": [
      "a first connection that fails rejects connect after onDisconnect, and is tried again",
      "one that fails and will not be tried again is a Socket error, and no disconnection"
    ]
  }]
]

/** Every statement, in the order of the specification. */
export const statements: ReadonlyArray<Statement> = [
  contents,
  registration,
  authentication,
  options,
  broadcasting,
  subscriptions,
  publishing,
  socket,
  request,
  connecting,
  calls,
  following,
  errors
].flat()

/** How many lines the specification has. */
export const length = 380
