/** What Redis does in one atomic step. */
import { createHash } from "node:crypto"
import { leastChanges, period, remembered } from "../cluster/Engine.js"
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
//
// A replica has the epochs of its master, and may be behind: by its word updates would be lost, and told again later. So
// it is not asked: a write that changes nothing is refused there, in whatever way the server refuses writes.
const opening = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function run(durable)
  local info = redis.call('INFO', 'replication')
  if string.find(info, 'role:slave', 1, true) then
    redis.call('HDEL', KEYS[1], '')
  end
  if durable == '1' then
    return 'any'
  end
  local _, at = string.find(info, 'master_replid:', 1, true)
  return at and string.sub(info, at + 1, at + 12) or 'any'
end
local evicted
local function unpublished(run, at)
  evicted = evicted or string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)') or 0
  return string.format('.%s.%x.%x', run, evicted, math.floor(at / ${period}))
end
local function cut(state)
  local cuts = tonumber(string.sub(redis.call('HGET', state, 'cut') or '', 2)) or 0
  redis.call('HSET', state, 'cut', '-' .. (cuts + 1))
end
local function old(entry, before)
  return entry and tonumber(string.match(entry, '^[^:]*:%d+:(%d+)')) < before
end
`

// Gives updates their offsets, keeps and announces them; its keys and terms are those of `append`, the updates those of a
// list from an index on.
const keeping = `
local function keep(keys, terms, updates, from)
  local state, list, at, run = keys[1], keys[2], now(), run(terms[1])
  local known = redis.call('HMGET', state, 'nonce', 'top', 'run', 'born', 'cut')
  local nonce, top, born, cut = known[1], tonumber(known[2] or '0'), known[4], known[5] or ''
  if not nonce then
    nonce, born = terms[2], string.match(unpublished(run, at), '^%.%w+(.*)')
    redis.call('DEL', list)
    redis.call('HSET', state, 'nonce', nonce, 'top', top, 'run', run, 'born', born, 'start', 0, 'from', at)
  elseif known[3] ~= run then
    cut = ''
    redis.call('HSET', state, 'run', run, 'start', top, 'from', at)
    redis.call('HDEL', state, 'cut')
  end
  local epoch, length = nonce .. '.' .. run .. cut .. born, 0
  for i = from, #updates do
    top = top + 1
    local entry = epoch .. ':' .. top .. ':' .. at .. '\\n' .. updates[i]
    length = redis.call('RPUSH', list, entry)
    redis.call(terms[6], keys[3], entry)
    if i == from - 1 + terms[7] then
      redis.call('HSET', state, 'last', entry)
    end
  end
  redis.call('HSET', state, 'top', top)
  if length > tonumber(terms[5]) then
    redis.call('LTRIM', list, -tonumber(terms[5]), -1)
  end
  while old(redis.call('LINDEX', list, 0), at - terms[3]) do
    redis.call('LPOP', list)
  end
  redis.call('PEXPIRE', list, terms[3])
  redis.call('PEXPIRE', state, terms[4])
  return { epoch, top }
end
`

/**
 * Gives updates their offsets, keeps and announces them. KEYS: the path's state, its list, its channel. ARGV: whether
 * Redis loses nothing, a random part for a new epoch, ms to keep updates and the state, how many updates to keep, the
 * command that publishes, which of them is how things stand (0 for none), the updates. Returns the epoch, and the
 * offset of the last.
 */
export const append = new Script(`${opening}${keeping}
return keep(KEYS, ARGV, ARGV, 8)
`)

// What reading a path begins with.
const standing = `
local function standing(state, run, at)
  local known = redis.call('HMGET', state, 'nonce', 'top', 'run', 'born', 'start', 'cut')
  if not known[1] then
    return unpublished(run, at), 0, 0
  end
  local top = tonumber(known[2])
  if known[3] ~= run then
    return known[1] .. '.' .. run .. known[4], top, top
  end
  return known[1] .. '.' .. run .. (known[6] or '') .. known[4], tonumber(known[5]), top
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

/**
 * Begins a new epoch of a path that this server has been given updates of while another was heard: what that one was
 * given then is lost, and who follows the path here must know. KEYS: the path's state. ARGV: whether Redis loses nothing,
 * ms since the other was heard. Returns whether it does.
 */
export const sever = new Script(`${opening}
local state, at, run = KEYS[1], now(), run(ARGV[1])
local known = redis.call('HMGET', state, 'run', 'from')
if known[1] ~= run or run == 'any' or tonumber(known[2] or at) >= at - ARGV[2] then
  return 0
end
cut(state)
redis.call('HSET', state, 'from', at)
return 1
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

// Who is present at a path, under JSON texts: the nodes that have them, and the value. With it, in the same key, so that
// it is lost together: how many each node has, under its id, and how many nodes have somebody, under the empty name.
const counting = `
local function size(all)
  local nodes = tonumber(redis.call('HGET', all, '') or '0')
  return redis.call('HLEN', all) - (nodes > 0 and nodes + 1 or 0)
end
`

/**
 * Changes who of a node is present, and tells of it. KEYS: those of `append`, all who are present. ARGV: the terms of
 * `append`, what each update begins with, whether it says who or only how many, `some`, `all` or `values` (see
 * server/presence), ms until all are forgotten unless one is told of again, the node, ids and values, as JSON: empty for
 * who is gone, `-` where nothing is said. Returns how many the node had, and has. Of the updates no more are kept than are
 * present, or than nodes need to catch up. If all who were present have been lost, the path begins a new epoch.
 */
export const enter = new Script(`${opening}${keeping}${counting}
local all, extent, node, updates = KEYS[4], ARGV[10], ARGV[12], {}
local before, had = size(all), tonumber(redis.call('HGET', all, node) or '0')
local has = had
if before == 0 and redis.call('HGET', KEYS[1], 'here') == '1' then
  cut(KEYS[1])
end
local function tell(kind, id, value)
  if ARGV[9] == '1' then
    local text = '{"' .. kind .. '":{"id":' .. id .. (value and ',"value":' .. value or '') .. '},"count":'
    updates[#updates + 1] = ARGV[8] .. text .. size(all) .. '}'
  end
end
local function put(field, number)
  if number > 0 then
    redis.call('HSET', all, field, number)
  else
    redis.call('HDEL', all, field)
  end
end
local function count(by)
  if has == 0 or has + by == 0 then
    put('', tonumber(redis.call('HGET', all, '') or '0') + by)
  end
  has = has + by
  put(node, has)
end
local function find(id)
  return string.match(redis.call('HGET', all, id) or '', '^([^:]*):(.*)$')
end
local function among(nodes)
  return string.find(',' .. nodes .. ',', ',' .. node .. ',', 1, true)
end
local function leave(id)
  local nodes, value = find(id)
  if not nodes or not among(nodes) then
    return
  end
  count(-1)
  local others = {}
  for other in string.gmatch(nodes, '[^,]+') do
    others[#others + 1] = other ~= node and other or nil
  end
  if #others > 0 then
    redis.call('HSET', all, id, table.concat(others, ',') .. ':' .. value)
  else
    redis.call('HDEL', all, id)
    tell('leave', id)
  end
end
local function come(id, value)
  local nodes, known = find(id)
  if extent == 'values' then
    if known and known ~= value then
      redis.call('HSET', all, id, nodes .. ':' .. value)
      tell('change', id, value)
    end
    return
  end
  if not nodes or not among(nodes) then
    count(1)
    nodes = nodes and nodes .. ',' .. node or node
  end
  local next = (extent == 'all' or value == '-') and known or value
  if next == '-' then
    next = 'null'
  end
  redis.call('HSET', all, id, nodes .. ':' .. next)
  if not known then
    tell('join', id, next)
  elseif known ~= next then
    tell('change', id, next)
  end
end
if extent == 'all' then
  local staying = {}
  for i = 13, #ARGV, 2 do
    staying[ARGV[i]] = true
  end
  local entries = redis.call('HGETALL', all)
  for i = 1, #entries, 2 do
    if string.sub(entries[i], 1, 1) == '"' and not staying[entries[i]] then
      leave(entries[i])
    end
  end
end
for i = 13, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    leave(ARGV[i])
  else
    come(ARGV[i], ARGV[i + 1])
  end
end
local present = size(all)
if ARGV[9] ~= '1' and present ~= before then
  updates[1] = ARGV[8] .. '{"count":' .. present .. '}'
end
redis.call('PEXPIRE', all, ARGV[11])
if (before > 0) ~= (present > 0) then
  redis.call('HSET', KEYS[1], 'here', present > 0 and '1' or '0')
end
if #updates > 0 then
  ARGV[5] = math.min(ARGV[5], math.max(${leastChanges}, present))
  keep(KEYS, ARGV, updates, 1)
end
return { had, has }
`)

/**
 * Who is present. KEYS: the state of the path that tells it, all who are present. ARGV: whether Redis loses nothing,
 * whether to say who. Returns the epoch and last offset of the path, how many are present, and who.
 */
export const present = new Script(`${opening}${standing}${counting}
local epoch, _, top = standing(KEYS[1], run(ARGV[1]), now())
return { epoch, top, size(KEYS[2]), ARGV[2] == '1' and redis.call('HGETALL', KEYS[2]) or {} }
`)

/**
 * Takes a key for some work. KEYS: what is known of it. ARGV: what stands for the work, ms that it may take. Returns
 * whether it is new, under way or done, or something else.
 */
export const begin = new Script(`
local known = redis.call('HMGET', KEYS[1], 'digest', 'done')
if not known[1] then
  redis.call('HSET', KEYS[1], 'digest', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 'new'
end
return known[1] ~= ARGV[1] and 'other' or known[2] and 'done' or 'busy'
`)

/**
 * The work of a key is done, or has failed. KEYS: what is known of it. ARGV: what stands for the work, whether it is
 * done, ms to remember that.
 */
export const end = new Script(`
local known = redis.call('HMGET', KEYS[1], 'digest', 'done')
if known[2] or known[1] and known[1] ~= ARGV[1] then
  return 0
end
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'done', '1')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
else
  redis.call('DEL', KEYS[1])
end
return 1
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
