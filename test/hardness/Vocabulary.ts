/** What requests say that applications listen to: names, values, places and payloads that mean something somewhere. */

export const headerNames: ReadonlyArray<string> = (
  "accept accept-encoding accept-language access-control-request-headers access-control-request-method authority " +
  "connection content-disposition content-encoding content-length content-type cookie expect forwarded host if-match " +
  "if-modified-since if-none-match if-range origin range referer transfer-encoding upgrade user-agent x-a " +
  "x-forwarded-for x-http-method-override __proto__ constructor :authority traceparent b3"
).split(" ")

export const headerValues: ReadonlyArray<unknown> = [
  ..."gzip * gzip;q=x br http://a.b http://x.example null bytes=0-1 bytes=-1 bytes=9- bytes=0-0,2-3".split(" "),
  ..."application/json multipart/form-data application/x-www-form-urlencoded GET x-a @ [::1 a:b:c ,,, ;;;".split(" "),
  "internal.example",
  "multipart/form-data; boundary=x",
  "text/plain; charset=x",
  "\"abc\"",
  "W/\"abc\", *",
  "Wed, 01 Jan 2020 00:00:00 GMT",
  "json=e30=; iron=Fe26.2**x; form=a=1&b; signed=x.y; __proto__=1; a=1",
  "a=\"x",
  "nes=Fe26.2**a*b",
  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "x".repeat(9000),
  "",
  " ",
  "a\r\nb: c",
  "\u0000",
  "\u0001",
  "ü",
  "€",
  5,
  0,
  true,
  null,
  ["a"],
  {},
  1e300
]

/** Of the wide applications, and of none. */
export const places: ReadonlyArray<string> = [
  ..."/ /echo /item/1 /any/x /any/ü /any/%00 /any/{x} /any?a[__proto__]=1&__proto__=2 /validated".split(" "),
  ..."/validated/1?a=1 /validated/headers /validated/cookies /validated/query?a=1&a=2 /validated/params/x".split(" "),
  ..."/validated/json /validated/any /validated/form /files/ /files/text.txt /files/../../etc/passwd".split(" "),
  ..."/files/%2e%2e/x /files/%00 /files/binary.png /text /binary /encoded /cached /closed /moved /nothing".split(" "),
  ..."/reflect //a@b //a@[::/x /\\a@b/x // /# /? /% /nes/auth nes.auth hello /me /vault /internal /house".split(" "),
  "/any/\u0000",
  "/any/\ud800",
  "/any/x\r\ny: z",
  ...["data", "stream", "file"].flatMap((output) => ["true", "false", "gunzip"].map((_) => `/payload/${output}/${_}`)),
  ...["json", "text", "params", "bytes", "stream", "multipart"].map((kind) => `/payload/${kind}`)
]

/** Where an application tells how things stand, what was, and who is there; and what is asked of it. */
export const livePaths: ReadonlyArray<string> = (
  "/live/1 /live/1/presence /live/2 /live/2/presence /live/%31/presence /live//presence /vault/presence /mine/1/presence"
).split(" ")

/** How many updates somebody wants. */
export const counts: ReadonlyArray<unknown> = [0, 1, 5, 100, 1e9, -1, 0.5, 2 ** 53, "1", null]

export const methods: ReadonlyArray<string> = ["GET", "POST", "POST", "HEAD", "OPTIONS", "PUT"]

export const oddMethods: ReadonlyArray<string> = (
  "CONNECT auth _special * get PROPFIND TRACE constructor __proto__"
).split(" ").concat("G T", "GET\r\n")

export const payloads: ReadonlyArray<unknown> = [
  undefined,
  "--x\r\ncontent-disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nc\r\n--x--\r\n",
  "--x\r\n",
  "{",
  "{\"__proto__\":1}",
  "{\"a\":1}",
  "a=1&a=2&__proto__=3",
  "x".repeat(6000),
  0,
  false,
  ""
]

/** How the wide applications leave artifacts: see there. */
export const artifacts = ["none", "null", "cycle", "function", "bigint", "map", "headers"] as const

/** What the wide applications believe: whatever it says. */
export const bearer = (claims: unknown): string => bearerOf(JSON.stringify(claims))

export const bearerOf = (claims: string): string => `Bearer ${Buffer.from(claims).toString("base64url")}`
