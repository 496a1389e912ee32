/** One session of someone who does not behave: an opening, a hello, and what else there is to say, in whatever pieces. */
import { frame, handshake, type RawPeer } from "../harness/RawPeer.js"
import { isAnswer, isOwed } from "./Answer.js"
import { clientMessage, credentials, id, mutate } from "./Mutation.js"
import type { Random } from "./Random.js"
import { bearer } from "./Vocabulary.js"

/** When an answer is missing (ms). Who asks much, and badly, may have to wait; see `Victim` for who does not. */
const patience = 20_000

/** What a server lets in. */
export interface Keys {
  /** Whether nobody gets in without. */
  readonly required: boolean
  /** What is sealed for a user, where that is how one authenticates, and where it goes. */
  readonly sealed?: { readonly by: "cookie" | "token"; readonly value: string } | undefined
  /** Whether what a `Bearer` says is believed. */
  readonly bearer: boolean
}

export interface Visit {
  /** How many answers are missing, or (below 0) too many. */
  readonly missing: number
  /** Whether the hello could be accepted. */
  readonly welcome: boolean
  /** The names that the visitor has gone by. */
  readonly users: ReadonlySet<unknown>
}

type Count = (what: "messages" | "answers", n: number) => void

const openings = (random: Random): string =>
  random.choose(
    () => handshake({ path: random.pick(["/x?y=1", "/%", "*", "/".repeat(3000)]) }),
    () => handshake({ method: random.pick(["POST", "HEAD", "CONNECT", "NONSENSE"]) }),
    () => handshake({ key: random.pick(["", "x", "a".repeat(200)]), version: random.pick(["8", "13", "x"]) }),
    () => handshake({ extra: "Cookie: nes=Fe26.2**a*b*c; nes=\"x\r\n" }),
    () => handshake({ extra: "Sec-WebSocket-Extensions: permessage-deflate; x=\r\nOrigin: http://evil\r\n" }),
    () => handshake().replace("websocket", random.pick(["h2c", "", "websocket, x"])),
    () => handshake().slice(0, random.int(1, 150))
  )

/** Ways to be gone without a word. */
const leave = (random: Random, peer: RawPeer): void =>
  random.choose(() => peer.halfClose(), () => peer.reset(), () => peer.destroy())

/** Whoever is gone before the upgrade is over, or as it is. */
const desert = async (random: Random, peer: RawPeer): Promise<void> => {
  const whole = random.chance(0.5) ? handshake() : openings(random)
  const hello = frame(JSON.stringify({ type: "hello", id: 1, version: "2" }))
  peer.write(Buffer.concat([Buffer.from(whole), hello]).subarray(0, random.int(1, whole.length + hello.length)))
  if (random.chance(0.7)) {
    await new Promise((resolve) => setTimeout(resolve, random.int(0, 5)))
  }
  leave(random, peer)
  await peer.until(() => peer.ended, 500)
  peer.destroy()
}

const bytes = (random: Random, text: string): ReadonlyArray<Buffer> =>
  random.choose<ReadonlyArray<Buffer>>(
    () => [frame(text, { first: 0x82 })],
    () => {
      const half = Math.floor(text.length / 2)
      return [
        frame(text.slice(0, half), { first: 0x01 }),
        frame("", { first: 0x89 }),
        frame(text.slice(half), { first: 0x80 })
      ]
    },
    () => [frame(text, { first: random.pick([0x80, 0x83, 0xc1, 0x8b, 0xf1]) })],
    () => [frame(text, { masked: false })],
    () => [frame(text, { length: random.pick([1, 125, 65_535, 2_000_000, 4_000_000_000]) })],
    () => [frame(Buffer.from([0xff, 0xfe, 0x80]))],
    () => [frame(Buffer.from([random.int(0, 255), random.int(0, 255), 0x80]), { first: 0x88 })],
    () => [frame("x".repeat(200), { first: 0x89 })]
  )

/** Another character somewhere in the last part of what is sealed: it is worth nothing any more. */
const forge = (random: Random, sealed: string): string => {
  const at = sealed.length - random.int(1, 40)
  return `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`
}

interface FirstMessages {
  readonly user: string | undefined
  readonly auth?: unknown
  readonly cookie?: string
  readonly welcome: boolean
}

/** With what a visitor comes. */
const entrance = (random: Random, { bearer: believed, required, sealed }: Keys, name: string): FirstMessages => {
  const sincere = random.chance(0.6)
  const welcome = sincere || !required
  if (sealed) {
    const value = sincere ? sealed.value : forge(random, sealed.value)
    return { user: "sealed", welcome, ...(sealed.by === "cookie" ? { cookie: `nes=${value}` } : { auth: value }) }
  }
  if (!believed) {
    return { user: undefined, welcome }
  }
  if (sincere) {
    return { user: name, welcome, auth: { headers: { authorization: bearer({ user: name }) } } }
  }
  const stranger = random.pick(["banned", "nobody", undefined])
  return stranger === undefined
    ? { user: undefined, welcome }
    : { user: undefined, welcome, auth: { headers: { authorization: bearer({ user: stranger }) } } }
}

/** Writes at once, or in pieces that begin and end anywhere. */
const pour = async (random: Random, peer: RawPeer, stream: Buffer): Promise<void> => {
  let at = 0
  while (random.chance(0.3) && at < stream.length) {
    const to = random.int(at, stream.length)
    peer.write(stream.subarray(at, to))
    at = to
    await new Promise((resolve) => setImmediate(resolve))
  }
  peer.write(stream.subarray(at))
}

/** Plays one session. */
export const play = async (random: Random, peer: RawPeer, keys: Keys, count: Count): Promise<Visit> => {
  const name = `visitor ${random.int(0, 1e9)}`
  const { auth, cookie, user, welcome } = entrance(random, keys, name)
  // By reauthentication, a visitor may be whoever else there is.
  const users = new Set<unknown>([name, user, "sealed", "stranger", "banned", "dies", "revoked", "__proto__", null])
  const visit = { missing: 0, welcome, users }
  if (random.chance(0.04)) {
    await peer.open(openings(random), 100)
    peer.destroy()
    return visit
  }
  if (random.chance(0.06)) {
    await desert(random, peer)
    return visit
  }
  const upgrade = handshake(cookie === undefined ? {} : { extra: `Cookie: ${cookie}\r\n` })
  let owed = 1
  let clean = true
  const extensions = random.pick([undefined, null, [], ["cancel", "http", "rpc"], ["cancel", "http", "rpc", "trace"]])
  const hello = {
    type: "hello",
    id: 1,
    version: "2",
    auth,
    subs: random.pick([["/o", "/item/1"], ["/o"], [], null]),
    extensions
  }
  let extended = false
  const greet = (): Buffer => {
    // Behind another hello, who knows what was agreed on.
    const first = owed === 1
    const said = say(JSON.stringify(first ? hello : { ...hello, extensions: undefined }))
    extended = first && (extensions ?? []).length > 0
    return said
  }
  const say = (text: string): Buffer => {
    owed += isOwed(text, extended) ? 1 : 0
    count("messages", 1)
    return frame(text)
  }
  const next = (n: number): Buffer => say(mutate(random, clientMessage(random, id(random, n))))
  const steps = random.int(1, 25)

  // What is before, in and right behind the hello leaves together; now and then, with the upgrade request.
  const first = [
    ...Array.from({ length: random.chance(0.1) ? random.int(1, 3) : 0 }, (_, n) => next(n + 100)),
    ...random.chance(0.9) ? [greet()] : [],
    ...Array.from({ length: random.chance(0.5) ? random.int(1, 8) : 0 }, (_, n) => next(n + 200))
  ]
  if (random.chance(0.05)) {
    peer.write(Buffer.concat([Buffer.from(upgrade), ...first]))
    await peer.until(() => peer.status !== undefined || peer.ended, 3000)
  } else if (await peer.open(upgrade)) {
    await pour(random, peer, Buffer.concat(first))
  }
  if (peer.status !== 101) {
    peer.destroy()
    return visit
  }

  for (let n = 2; n < steps + 2 && !peer.ended; n++) {
    if (random.chance(0.04)) {
      clean = false
      bytes(random, mutate(random, clientMessage(random, n))).forEach((each) => peer.write(each))
      count("messages", 1)
    } else if (random.chance(0.03)) {
      peer.write(say(JSON.stringify({ type: "reauth", id: n, auth: credentials(random) })))
    } else {
      peer.write(next(n))
    }
    if (random.chance(0.1)) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (random.chance(0.01)) {
      leave(random, peer)
      clean = false
    }
  }
  peer.write(frame(JSON.stringify({ type: "fence", id: `fence ${random.next()}` })))
  const answers = (): number => peer.texts.filter(isAnswer).length
  const isOver = (): boolean => peer.ended || peer.closeCode !== undefined
  await peer.until(() => isOver() || (clean && answers() >= owed), clean ? patience : 500)
  const missing = clean && !isOver() ? owed - answers() : 0
  count("answers", peer.texts.length)
  peer.destroy()
  return { ...visit, missing }
}
