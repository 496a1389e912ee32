/**
 * What Redis does in one atomic step.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import type { RedisConnection } from "./RedisConnection.js"

/**
 * A Lua script. `run` sends its digest, and the whole of it to a server that does not know it yet; the first key decides
 * on which server it runs.
 *
 * @since 0.1.0
 * @category models
 */
export class Script {
  private readonly digest: string

  constructor(private readonly source: string) {
    this.digest = createHash("sha1").update(source).digest("hex")
  }

  async run(
    link: RedisConnection,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string | number>
  ): Promise<unknown> {
    const [key = ""] = keys
    const rest = [String(keys.length), ...keys, ...args.map(String)]
    try {
      return await link.command(key, ["EVALSHA", this.digest, ...rest])
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
        return link.command(key, ["EVAL", this.source, ...rest])
      }
      throw error
    }
  }
}

// KEYS: the path's state, its list. ARGV[1..4]: a new epoch, whether Redis loses nothing, ms to keep updates and state.
// A server that has started anew, or was promoted, may have lost updates that it had confirmed: their offsets would be
// given out again, and nobody would notice. So the epoch holds for one run of one server only, unless it loses nothing.
const opening = `
local state, list = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = 'any'
if ARGV[2] == '0' then
  run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or run
end
local known = redis.call('HMGET', state, 'epoch', 'top', 'run', 'start')
local epoch, top, start = known[1], tonumber(known[2] or '0'), tonumber(known[4] or '0')
if not epoch or known[3] ~= run then
  epoch, start = ARGV[1], top
  redis.call('HSET', state, 'epoch', epoch, 'top', top, 'run', run, 'start', start)
end
local age = tonumber(ARGV[3])
local function old(entry)
  return entry and tonumber(string.match(entry, '^[^:]*:%d+:(%d+)')) < now - age
end
`

/**
 * Gives an update its offset, keeps it and announces it. ARGV[5..7]: the update, how many to keep, the command that
 * publishes. Returns the epoch and the offset.
 *
 * @since 0.1.0
 * @category scripts
 */
export const append = new Script(`${opening}
top = top + 1
local entry = epoch .. ':' .. top .. ':' .. now .. '\\n' .. ARGV[5]
redis.call('HSET', state, 'top', top)
redis.call('RPUSH', list, entry)
redis.call('LTRIM', list, -tonumber(ARGV[6]), -1)
while old(redis.call('LINDEX', list, 0)) do
  redis.call('LPOP', list)
end
redis.call('PEXPIRE', list, ARGV[3])
redis.call('PEXPIRE', state, ARGV[4])
redis.call(ARGV[7], KEYS[3], entry)
return { epoch, top }
`)

// A path that was only asked for is not kept for long (ms): whoever asks for many must not fill Redis. Nodes with
// subscribers ask again in less time.
const untouched = 60_000

/**
 * Reads what came after an offset. ARGV[5..6]: the reader's epoch (empty if it has several, \`-\` if it has seen nothing)
 * and offset. Returns the epoch, its start, the last offset, and the updates.
 *
 * @since 0.1.0
 * @category scripts
 */
export const read = new Script(`${opening}
redis.call('PEXPIRE', state, top > 0 and ARGV[4] or math.max(age, ${untouched}))
if ARGV[5] == '-' then
  return { epoch, start, top, {} }
end
while old(redis.call('LINDEX', list, 0)) do
  redis.call('LPOP', list)
end
local since = tonumber(ARGV[6])
if ARGV[5] ~= epoch and start < since then
  since = start
end
local first = top - redis.call('LLEN', list) + 1
local from = math.max(since + 1, first)
return { epoch, start, top, from <= top and redis.call('LRANGE', list, from - first, -1) or {} }
`)

/**
 * Counts a connection of a user in. KEYS: the user's connections. ARGV: its id, how many are allowed, ms until it is
 * forgotten unless renewed. Returns 1, or 0 if there are too many others.
 *
 * @since 0.1.0
 * @category scripts
 */
export const claim = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`)
