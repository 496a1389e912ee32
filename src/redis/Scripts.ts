/** What Redis does in one atomic step. */
import { createHash } from "node:crypto"
import { period, remembered } from "../cluster/Engine.js"
import type { RedisConnection } from "./RedisConnection.js"

/**
 * A Lua script. `run` sends its digest, and the whole of it to a server that does not know it yet; the first key
 * decides on which server it runs.
 */
export class Script {
  private readonly digest: string

  constructor(private readonly source: string) {
    this.digest = createHash("sha1").update(source).digest("hex")
  }

  async run(
    connection: RedisConnection,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string | number>
  ): Promise<unknown> {
    const [key = ""] = keys
    const rest = [String(keys.length), ...keys, ...args.map(String)]
    try {
      return await connection.command(key, ["EVALSHA", this.digest, ...rest])
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
        return connection.command(key, ["EVAL", this.source, ...rest])
      }
      throw error
    }
  }
}

// A server that has started anew, or was promoted, may have lost updates that it had confirmed: their offsets would be
// given out again, and nobody would notice. So an epoch holds for one history of one server only, unless it loses
// nothing: its replication id changes whenever it starts or is promoted, and is not part of what it copies. A path that
// nothing has been published to has an epoch all the same, of which nothing is kept: see server/recovery.
const opening = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function run(durable)
  return durable == '1' and 'any'
    or string.sub(string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or 'any', 1, 12)
end
local evicted
local function unpublished(run, at)
  evicted = evicted or string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)') or 0
  return string.format('.%s.%x.%x', run, evicted, math.floor(at / ${period}))
end
local function old(entry, before)
  return entry and tonumber(string.match(entry, '^[^:]*:%d+:(%d+)')) < before
end
`

/**
 * Gives updates their offsets, keeps and announces them. KEYS: the path's state, its list, its channel. ARGV: whether
 * Redis loses nothing, a random part for a new epoch, ms to keep updates and the state, how many updates to keep, the
 * command that publishes, which of them is how things stand (0 for none), the updates. Returns the epoch, and the
 * offset of the last.
 */
export const append = new Script(`${opening}
local state, list, at, run = KEYS[1], KEYS[2], now(), run(ARGV[1])
local known = redis.call('HMGET', state, 'nonce', 'top', 'run', 'born')
local nonce, top, born = known[1], tonumber(known[2] or '0'), known[4]
if not nonce then
  nonce, born = ARGV[2], string.match(unpublished(run, at), '^%.%w+(.*)')
  redis.call('DEL', list)
  redis.call('HSET', state, 'nonce', nonce, 'top', top, 'run', run, 'born', born, 'start', 0)
elseif known[3] ~= run then
  redis.call('HSET', state, 'run', run, 'start', top)
end
local epoch = nonce .. '.' .. run .. born
for i = 8, #ARGV do
  top = top + 1
  local entry = epoch .. ':' .. top .. ':' .. at .. '\\n' .. ARGV[i]
  redis.call('RPUSH', list, entry)
  redis.call(ARGV[6], KEYS[3], entry)
  if i == 7 + ARGV[7] then
    redis.call('HSET', state, 'last', entry)
  end
end
redis.call('HSET', state, 'top', top)
redis.call('LTRIM', list, -tonumber(ARGV[5]), -1)
while old(redis.call('LINDEX', list, 0), at - ARGV[3]) do
  redis.call('LPOP', list)
end
redis.call('PEXPIRE', list, ARGV[3])
redis.call('PEXPIRE', state, ARGV[4])
return { epoch, top }
`)

// What reading a path begins with.
const standing = `
local function standing(state, run, at)
  local known = redis.call('HMGET', state, 'nonce', 'top', 'run', 'born', 'start')
  if not known[1] then
    return unpublished(run, at), 0, 0
  end
  local top = tonumber(known[2])
  return known[1] .. '.' .. run .. known[4], known[3] == run and tonumber(known[5]) or top, top
end
`

/**
 * Reads what came after an offset, and changes nothing. KEYS: the path's state, its list. ARGV: whether Redis loses
 * nothing, ms that updates are kept, the reader's epoch (empty if it has several, \`-\` if it has seen nothing) and
 * offset, ms that a state is kept (0 if it is not asked for). Returns the epoch, its start, the last offset, the
 * updates, and the state.
 */
export const read = new Script(`${opening}${standing}
local list, at = KEYS[2], now()
local epoch, start, top = standing(KEYS[1], run(ARGV[1]), at)
local last = ARGV[5] ~= '0' and redis.call('HGET', KEYS[1], 'last')
if old(last, at - ARGV[5]) then
  last = false
end
if ARGV[3] == '-' or top == 0 then
  return { epoch, start, top, {}, last }
end
local since = tonumber(ARGV[4])
if ARGV[3] ~= epoch and start < since then
  since = start
end
local first = top - redis.call('LLEN', list) + 1
local from = math.max(since + 1, first)
while from <= top and old(redis.call('LINDEX', list, from - first), at - ARGV[2]) do
  from = from + 1
end
return { epoch, start, top, from <= top and redis.call('LRANGE', list, from - first, -1) or {}, last }
`)

/** Forgets what is kept of a path. KEYS: the path's state, its list. */
export const clear = new Script(`
redis.call('DEL', KEYS[2])
redis.call('HDEL', KEYS[1], 'last')
return 1
`)

/**
 * How far paths have come. KEYS: their states. ARGV: whether Redis loses nothing. Returns a line for each: its offset
 * and epoch.
 */
export const positions = new Script(`${opening}${standing}
local at, run, lines = now(), run(ARGV[1]), {}
for i = 1, #KEYS do
  local epoch, start, top = standing(KEYS[i], run, at)
  lines[i] = string.format('%d:%s', top, epoch)
end
return table.concat(lines, '\\n')
`)

/**
 * Counts a connection of a user in. KEYS: the user's connections. ARGV: its id, how many are allowed, ms until all are
 * forgotten unless one is counted in again, the nodes whose connections count no more. Returns those that are counted
 * if there are too many others.
 */
export const claim = new Script(`
for i = 4, #ARGV do
  for _, other in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    if string.sub(other, 1, #ARGV[i] + 1) == ARGV[i] .. ':' then
      redis.call('SREM', KEYS[1], other)
    end
  end
end
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 and redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return redis.call('SMEMBERS', KEYS[1])
end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {}
`)

/**
 * Takes down a node's sign of life, if it gives one. KEYS: the nodes. ARGV: its id, what it says of itself. Returns the
 * id, the age (ms) and the state of each.
 */
export const beat = new Script(`${opening}
local nodes, at, alive = KEYS[1], now(), {}
if ARGV[2] then
  redis.call('HSET', nodes, ARGV[1], at .. ':' .. ARGV[2])
  redis.call('PEXPIRE', nodes, ${remembered})
end
local all = redis.call('HGETALL', nodes)
for i = 1, #all, 2 do
  local time, state = string.match(all[i + 1], '^(%d+):(.*)$')
  local age = at - time
  if age <= ${remembered} then
    alive[#alive + 1] = all[i]
    alive[#alive + 1] = string.format('%d', age)
    alive[#alive + 1] = state
  elseif ARGV[2] then
    redis.call('HDEL', nodes, all[i])
  end
end
return alive
`)
