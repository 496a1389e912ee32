/** What a broker on Redis can be told. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { BalanceOptions } from "../cluster/Balance.js"
import type { BrokerEvent } from "../cluster/BrokerEvent.js"
import * as Secrets from "../protocol/Secrets.js"
import type { Address } from "./RedisConnection.js"

/** A text that may hold a password. */
type Secret = string | Redacted.Redacted

/** What a broker is made of. */
export interface Options extends Address<Secret> {
  /** What the names of its keys and channels begin with. Default: `"nes"`. */
  readonly prefix?: string | undefined
  /** How long Redis may be silent before it counts as away; a number is milliseconds. Default: 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  /**
   * Whether Redis keeps all that it has confirmed, whatever happens to it: it writes to disk with `appendfsync always`,
   * and a replica is never promoted with less. Otherwise clients are told of a gap when it has restarted, as there may
   * be one. Default: `false`.
   */
  readonly durable?: boolean | undefined
  /** Commands that may be on their way to Redis at a time; more fail. Default: 10000. */
  readonly maxInFlight?: number | undefined
  /**
   * Whether a node that holds far more than its share of the connections sends some away, as after a deploy in which
   * the nodes were restarted one after another. Default: `false`.
   */
  readonly balance?: boolean | BalanceOptions | undefined
  /** Called with what happens; see also `events`. */
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined
}

const wrongAddress = ({ cluster, name, sentinels, url }: Address): string | undefined =>
  sentinels
    ? url !== undefined || cluster
      ? "`sentinels` take the place of `url`, and know no `cluster`"
      : sentinels.length === 0 || !name
      ? "`sentinels` need at least one url, and the `name` of the master"
      : wrongUrl(sentinels)
    : url === undefined || url.length === 0
    ? "`url` is missing"
    : typeof url !== "string" && !cluster
    ? "Several urls are those of a Redis Cluster: set `cluster`, or give one"
    : wrongUrl(url)

// What can never be reached is not tried again and again.
const wrongUrl = (urls: string | ReadonlyArray<string>): string | undefined =>
  [urls].flat().every(isUrl)
    ? undefined
    : "a url begins with redis:// or rediss://, as redis://localhost:6379"

// As `@redis/client` reads it.
const isUrl = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^rediss?:$/.test(url.protocol) && url.host !== "" && /^\/?\d*$/.test(url.pathname)
}

// What a timer can count.
const isTime = (input: Duration.Input): boolean =>
  Option.exists(Duration.fromInput(input), (time) => {
    const millis = Duration.toMillis(time)
    return millis > 0 && millis < 2 ** 31
  })

/** What options say, with nothing redacted any more, and what is wrong with them, if anything is. */
export const read = (options: Options) => {
  const { balance = false, client, cluster, durable = false, maxInFlight = 10_000, name, ...others } = Object(
    options
  ) as Options
  const { onEvent, prefix = "nes", sentinels, timeout = 5_000, url, ...unknown } = others
  const { password, ...rest } = client ?? {}
  const address: Address = {
    cluster,
    name,
    ...Secrets.reveal({ url, sentinels }) as Pick<Address, "url" | "sentinels">,
    client: password === undefined ? rest : { ...rest, password: Secrets.reveal(password) as string }
  }
  const evening = balance === true ? {} : balance || undefined
  const [unexpected] = Object.keys(unknown satisfies Record<string, never>)
  const wrong = unexpected !== undefined
    ? `\`${unexpected}\` is unexpected`
    : !isTime(timeout) || !isTime(evening?.patience ?? 1)
    ? "`timeout` and `balance.patience` are times above zero"
    : wrongAddress(address)
  const silence = wrong === undefined ? Duration.toMillis(timeout) : 0
  return { wrong, address, durable, prefix, timeout: silence, maxInFlight, balance: evening, onEvent }
}
