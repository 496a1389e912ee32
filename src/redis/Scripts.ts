/** What Redis does in one atomic step. */
import { createHash } from "node:crypto"
import { leastChanges, period, remembered } from "../cluster/Engine.js"
import type { RedisConnection } from "./RedisConnection.js"

export type Script = (
  connection: RedisConnection,
  keys: ReadonlyArray<string>,
  args: ReadonlyArray<string>
) => Promise<unknown>

const named = (names: string, from: string): string =>
  names && `local ${names} = ${names.split(", ").map((_, index) => `${from}[${index + 1}]`).join(", ")}\n`

// A Lua script, by what its first keys and arguments are called. Its digest is sent if the server knows it; the first key
// decides on the server.
const script =
  (keys: string, args: string) => (text: TemplateStringsArray, ...parts: Array<string | number>): Script => {
    const source = named(keys, "KEYS") + named(args, "ARGV") + String.raw({ raw: text }, ...parts)
    const digest = createHash("sha1").update(source).digest("hex")
    return async (connection, keys, args) => {
      const [key = ""] = keys
      const command = ["EVALSHA", digest, String(keys.length), ...keys, ...args]
      try {
        return await connection.command(key, command)
      } catch (error) {
        if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
          return connection.command(key, command.with(0, "EVAL").with(1, source))
        }
        throw error
      }
    }
  }

const clock = `
local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000)
`

// A server that has started anew, or was promoted, may have lost updates that it had confirmed: their offsets would be
// given out again, and nobody would notice. So an epoch holds for one history of one server only, unless it loses
// nothing: its replication id changes whenever it starts or is promoted, and is not part of what it copies. A path that
// nothing has been published to has an epoch all the same, of which nothing is kept: see server/recovery.
//
// A replica has the epochs of its master, and may be behind: by its word updates would be lost, and told again later. So
// it is not asked: a write that changes nothing is refused there, in whatever way the server refuses writes.
const opening = `${clock}
local info = redis.call('INFO', 'replication')
if string.find(info, 'role:slave', 1, true) then
  redis.call('HDEL', KEYS[1], '')
end
local run = lossless ~= '1' and string.match(info, 'master_replid:(%w+)')
run = run and string.sub(run, 1, 12) or 'any'
local ground
local function unpublished()
  local evicted = not ground and string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)') or 0
  ground = ground or string.format('.%s.%x.%x', run, evicted, math.floor(at / ${period}))
  return ground
end
local function holds(epoch)
  return string.find(epoch, '.' .. run, 1, true)
end
local function anew(epoch, cut)
  return (string.gsub(epoch, '^([^.]*%.)[^.]*', '%1' .. run .. cut))
end
local function sever(state, epoch)
  local cuts = string.match(epoch, '^[^.]*%.%w*%-(%d+)') or 0
  redis.call('HSET', state, 'epoch', anew(epoch, '-' .. cuts + 1))
end
local function old(entry, before)
  return entry and tonumber(string.match(entry, '^[^:]*:%d+:(%d+)')) < before
end
`

// Gives updates of a path their offsets, keeps and announces them. Its keys are two from an index on, the updates those
// of a list from an index to another; one of them may be how things stand. What only takes up room is looked after from
// time to time: whoever reads looks at ages and numbers, too.
const keeping = `
age, most = tonumber(age), tonumber(most)
local tail, pause, room = ':' .. at .. '\\n', math.ceil(age / 16), most / 8
local function keep(key, updates, from, to, last)
  local state, list = KEYS[key], KEYS[key + 1]
  local known = redis.call('HMGET', state, 'epoch', 'top', 'tidy')
  local epoch, top, tidy = known[1], tonumber(known[2] or 0), tonumber(known[3] or 0)
  if not epoch or not holds(epoch) then
    if not epoch then
      redis.call('DEL', list)
    end
    epoch = epoch and anew(epoch, '') or nonce .. unpublished()
    redis.call('HSET', state, 'epoch', epoch, 'start', top, 'from', at)
    tidy = 0
  end
  local length
  for i = from, to do
    top = top + 1
    local entry = epoch .. ':' .. top .. tail .. updates[i]
    length = redis.call('RPUSH', list, entry)
    redis.call(publish, list, entry)
    if i == last then
      redis.call('HSET', state, 'last', entry)
    end
  end
  redis.call('HSET', state, 'top', top)
  if length > most + room then
    redis.call('LTRIM', list, -most, -1)
  end
  if at >= tidy or length == to - from + 1 then
    while old(redis.call('LINDEX', list, 0), at - age) do
      redis.call('LPOP', list)
    end
    redis.call('PEXPIRE', list, age + pause)
    redis.call('PEXPIRE', state, stateAge + pause)
    redis.call('HSET', state, 'tidy', at + pause)
  end
  return epoch .. ':' .. top
end
`

// Whether Redis loses nothing, a random part for new epochs, ms to keep updates and the state, how many updates to keep.
const terms = "lossless, nonce, age, stateAge, most, publish"

/**
 * Gives updates their offsets, keeps and announces them. The keys are of each path its state, and its list, which has the
 * name of its channel; after the counts, of each path how many updates it gets and which of them is how things stand (0
 * for none), the updates follow. Returns a line for each path: the position of its last, or what it was refused by.
 */
export const append = script("", `${terms}, counts`)`${opening}${keeping}
local lines, key, from = {}, 1, 8
for count, last in string.gmatch(counts, '(%d+):(%d+)') do
  local kept, line = pcall(keep, key, ARGV, from, from + count - 1, from + last - 1)
  lines[#lines + 1] = kept and line or '!' .. string.gsub(line.err or line, '%c', ' ')
  key, from = key + 2, from + count
end
return table.concat(lines, '\\n')
`

// What reading a path begins with.
const standing = `
local function standing(state)
  local known = redis.call('HMGET', state, 'epoch', 'top', 'start')
  local epoch, top = known[1], tonumber(known[2] or 0)
  if not epoch then
    return unpublished(), 0, 0
  end
  if not holds(epoch) then
    return anew(epoch, ''), top, top
  end
  return epoch, tonumber(known[3]), top
end
`

/**
 * Reads what came after the offset of a reader, and changes nothing. The reader's epoch is empty if it has several, \`-\`
 * if it has seen nothing; the state's age is 0 if that is not asked for.
 */
export const read = script("state, list", "lossless, age, seen, offset, stateAge, most")`${opening}${standing}
local epoch, start, top = standing(state)
local last = stateAge ~= '0' and redis.call('HGET', state, 'last')
if old(last, at - stateAge) then
  last = false
end
if seen == '-' or top == 0 then
  return { epoch, start, top, {}, last }
end
local since = tonumber(offset)
if seen ~= epoch and start < since then
  since = start
end
local first = top - redis.call('LLEN', list) + 1
local from = math.max(since + 1, first, top - most + 1)
while from <= top and old(redis.call('LINDEX', list, from - first), at - age) do
  from = from + 1
end
return { epoch, start, top, from <= top and redis.call('LRANGE', list, from - first, -1) or {}, last }
`

/**
 * Begins a new epoch of a path that this server has been given updates of while another was heard, which is so many ms
 * ago: what that one was given then is lost, and who follows the path here must know. Returns whether it does.
 */
export const sever = script("state", "lossless, age")`${opening}
local known = redis.call('HMGET', state, 'epoch', 'from')
if not known[1] or not holds(known[1]) or run == 'any' or tonumber(known[2]) >= at - age then
  return 0
end
sever(state, known[1])
redis.call('HSET', state, 'from', at)
return 1
`

/** Forgets what is kept of a path. */
export const clear = script("state, list", "")`
redis.call('DEL', list)
redis.call('HDEL', state, 'last')
return 1
`

/** How far paths have come. The keys are their states. Returns a line for each: its position. */
export const positions = script("", "lossless")`${opening}${standing}
local lines = {}
for i = 1, #KEYS do
  local epoch, _, top = standing(KEYS[i])
  lines[i] = epoch .. ':' .. top
end
return table.concat(lines, '\\n')
`

// Who is present at a path, under JSON texts: the nodes that have them, and the value. With it, in the same key, so that
// it is lost together: how many each node has, under its id, and how many nodes have somebody, under the empty name.
const counting = `
local function size(all)
  local nodes = tonumber(redis.call('HGET', all, '') or '0')
  return redis.call('HLEN', all) - (nodes > 0 and nodes + 1 or 0)
end
`

/**
 * Changes who of a node is present, and tells of it: who, or only how many. `extent` is `some`, `all` or `values` (see
 * server/presence); all are forgotten unless one is told of again. Ids and values follow, as JSON: empty for who is gone,
 * `-` where nothing is said. Returns how many the node had, and has. Of the updates no more are kept than are present, or
 * than nodes need to catch up. If all who were present have been lost, the path begins a new epoch.
 */
export const enter = script("state, list, all", `${terms}, head, who, extent, forgetting, node`)`
${opening}${keeping}${counting}
local updates, before, had = {}, size(all), tonumber(redis.call('HGET', all, node) or '0')
local has = had
local known = redis.call('HMGET', state, 'here', 'epoch')
if before == 0 and known[1] == '1' and known[2] and holds(known[2]) then
  sever(state, known[2])
end
local function tell(kind, id, value)
  if who == '1' then
    local text = '{"' .. kind .. '":{"id":' .. id .. (value and ',"value":' .. value or '') .. '},"count":'
    updates[#updates + 1] = head .. text .. size(all) .. '}'
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
  local nodes, value = string.match(redis.call('HGET', all, id) or '', '^([^:]*):(.*)$')
  local from, to = string.find(',' .. (nodes or '') .. ',', ',' .. node .. ',', 1, true)
  return nodes, value, from, to
end
local function leave(id)
  local nodes, value, from, to = find(id)
  if not from then
    return
  end
  count(-1)
  local others = string.sub(string.sub(',' .. nodes, 1, from) .. string.sub(nodes .. ',', to), 2, -2)
  if others ~= '' then
    redis.call('HSET', all, id, others .. ':' .. value)
  else
    redis.call('HDEL', all, id)
    tell('leave', id)
  end
end
local function come(id, value)
  local nodes, known, from = find(id)
  if extent == 'values' then
    if known and known ~= value then
      redis.call('HSET', all, id, nodes .. ':' .. value)
      tell('change', id, value)
    end
    return
  end
  if not from then
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
  for i = 12, #ARGV, 2 do
    staying[ARGV[i]] = true
  end
  local entries = redis.call('HGETALL', all)
  for i = 1, #entries, 2 do
    if string.sub(entries[i], 1, 1) == '"' and not staying[entries[i]] then
      leave(entries[i])
    end
  end
end
for i = 12, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    leave(ARGV[i])
  else
    come(ARGV[i], ARGV[i + 1])
  end
end
local present = size(all)
if who ~= '1' and present ~= before then
  updates[1] = head .. '{"count":' .. present .. '}'
end
redis.call('PEXPIRE', all, forgetting)
if (before > 0) ~= (present > 0) then
  redis.call('HSET', state, 'here', present > 0 and '1' or '0')
end
if #updates > 0 then
  most, room = math.min(most, math.max(${leastChanges}, present)), 0
  keep(1, updates, 1, #updates)
end
return { had, has }
`

/** Who is present: the epoch and last offset of the path that tells it, how many, and who if that is asked for. */
export const present = script("state, all", "lossless, who")`${opening}${standing}${counting}
local epoch, _, top = standing(state)
local fields, rows = who == '1' and redis.call('HGETALL', all) or {}, {}
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 1) == '"' then
    rows[#rows + 1] = { fields[i], string.match(fields[i + 1], ':(.*)') }
  end
end
return { epoch, top, size(all), rows }
`

/** Takes a key for some work. Returns whether it is new, under way or done, or something else. */
export const begin = script("key", "digest, age")`
local known = redis.call('HMGET', key, 'digest', 'done')
if not known[1] then
  redis.call('HSET', key, 'digest', digest)
  redis.call('PEXPIRE', key, age)
  return 'new'
end
return known[1] ~= digest and 'other' or known[2] and 'done' or 'busy'
`

/** The work of a key is done, or has failed. */
export const end = script("key", "digest, isDone, age")`
local known = redis.call('HMGET', key, 'digest', 'done')
if known[2] or known[1] and known[1] ~= digest then
  return 0
end
if isDone == '1' then
  redis.call('HSET', key, 'digest', digest, 'done', '1')
  redis.call('PEXPIRE', key, age)
else
  redis.call('DEL', key)
end
return 1
`

/**
 * Counts a connection of a user in; all are forgotten unless one is counted in again. The nodes whose connections count
 * no more follow. Returns those that are counted if there are too many others.
 */
export const claim = script("claims", "socket, max, age")`
for i = 4, #ARGV do
  for _, other in ipairs(redis.call('SMEMBERS', claims)) do
    if string.sub(other, 1, #ARGV[i] + 1) == ARGV[i] .. ':' then
      redis.call('SREM', claims, other)
    end
  end
end
if redis.call('SISMEMBER', claims, socket) == 0 and redis.call('SCARD', claims) >= tonumber(max) then
  return redis.call('SMEMBERS', claims)
end
redis.call('SADD', claims, socket)
redis.call('PEXPIRE', claims, age)
return {}
`

/** Takes down a node's sign of life, if it gives one. Returns the id, the age (ms) and the state of each. */
export const beat = script("nodes", "node, own")`${clock}
local alive = {}
if own then
  redis.call('HSET', nodes, node, at .. ':' .. own)
  redis.call('PEXPIRE', nodes, ${remembered})
end
local all = redis.call('HGETALL', nodes)
for i = 1, #all, 2 do
  local time, state = string.match(all[i + 1], '^(%d+):(.*)$')
  local age = at - time
  if age <= ${remembered} then
    alive[#alive + 1] = { all[i], age, state }
  elseif own then
    redis.call('HDEL', nodes, all[i])
  end
end
return alive
`
