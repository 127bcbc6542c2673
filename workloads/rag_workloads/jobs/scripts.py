"""What happens to a queue, as Lua scripts that Redis runs one after another.

A queue is a sorted set of job ids, `<queue>`: all that wait and all that run, which is what KEDA counts.

- The score of an entry that nobody took yet is below zero: its arrival, in ms, less `LINE`. Oldest first.
- The score of one that was taken, or put off, is the time from which it may be taken again, in ms of Redis'
  clock. Such entries are older than those in the line, so once due they go first, and a lease that ran out
  needs nobody who looks for it. Half a ms less tells one that was put off from one that is held.

Beside it: `arq:job:<id>`, the payload in ARQ's form; `<queue>:bytes`, the size of all payloads;
`<queue>:wake`, which an idle consumer blocks on; `<queue>:claim:<token>`, what a claim took, for as long as
its lease; `<queue>:undecodable`, what no consumer could read, newest first; `<queue>:consumers`, who takes
entries.

Clients send a command again whose reply was lost, so each script does its work once: entries come and go by
ZADD NX and ZREM, leases are changed by whoever knows their score, and a claim has a token. What frees memory
runs at Redis' `maxmemory` too (allow-oom), or a queue that is full could never be emptied; what takes memory
is refused before it has begun (#!lua).
"""

# More than any time in ms.
LINE = 10**13

UNDECODABLE_KEPT = 100

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_PUT_OFF = """
local function put_off(score) return score:find('.', 1, true) ~= nil end
"""

_REMOVE = """
local function remove(ids, first_payload)
  local removed, freed = 0, 0
  for i, id in ipairs(ids) do
    if redis.call('ZREM', KEYS[1], id) == 1 then
      removed = removed + 1
      freed = freed + #(redis.call('GETDEL', KEYS[first_payload + i - 1]) or '')
    end
  end
  if freed > 0 and redis.call('DECRBY', KEYS[2], freed) < 0 then redis.call('SET', KEYS[2], 0) end
  return removed
end
"""

# Queues what the arguments from `first` on say, three an entry: id, score, payload. Its own keys begin at the
# number `keys`: queue, bytes, wake, then the payload of each entry. Returns how many were not queued
# before. A script that does more in the same step may hold it.
ENTER = """
local function enter(keys, first)
  local queue, bytes, wake, entered = KEYS[keys], KEYS[keys + 1], KEYS[keys + 2], 0
  for i = 0, (#ARGV - first + 1) / 3 - 1 do
    local id, score, payload = ARGV[first + 3 * i], ARGV[first + 3 * i + 1], ARGV[first + 3 * i + 2]
    if redis.call('ZADD', queue, 'NX', score, id) == 1 then
      redis.call('SET', KEYS[keys + 3 + i], payload)
      redis.call('INCRBY', bytes, #payload)
      entered = entered + 1
    end
  end
  if entered > 0 then redis.call('ZADD', wake, 0, 'work') end
  return entered
end
"""

# KEYS and ARGV as for `enter`.
ENQUEUE = f"""#!lua
{ENTER}
return enter(1, 1)
"""

# KEYS: queue, claim. ARGV: how many at most, lease in ms, prefix of the payloads' keys.
# Returns Redis' time, the time until which the entries are the caller's, their ids, their payloads, how many
# of them had a lease that ran out, and for how long, in ms, each of those had waited that nobody had taken.
CLAIM = f"""#!lua flags=allow-oom
{_NOW}{_PUT_OFF}
local due, limit = now + ARGV[2], tonumber(ARGV[1])
local ids, expired, waited = {{}}, 0, {{}}
local again = redis.call('ZRANGEBYSCORE', KEYS[1], 0, now, 'WITHSCORES', 'LIMIT', 0, limit)
for i = 1, #again, 2 do
  ids[#ids + 1] = again[i]
  if not put_off(again[i + 1]) then expired = expired + 1 end
end
if #ids < limit then
  local line = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(0', 'WITHSCORES', 'LIMIT', 0, limit - #ids)
  for i = 1, #line, 2 do
    ids[#ids + 1] = line[i]
    waited[#waited + 1] = now - line[i + 1] - {LINE}
  end
end
local before
if #ids > 0 then
  local taken = cmsgpack.pack({{due, ids, expired, waited}})
  before = redis.call('SET', KEYS[2], taken, 'NX', 'GET', 'PX', ARGV[2])
else
  before = redis.call('GET', KEYS[2])
end
if before then
  due, ids, expired, waited = unpack(cmsgpack.unpack(before))
elseif #ids == 0 then
  return {{now, due, ids, ids, 0, waited}}
else
  local scores = {{}}
  for _, id in ipairs(ids) do
    scores[#scores + 1] = due
    scores[#scores + 1] = id
  end
  redis.call('ZADD', KEYS[1], unpack(scores))
end
local payloads = {{}}
for i, id in ipairs(ids) do payloads[i] = ARGV[3] .. id end
return {{now, due, ids, redis.call('MGET', unpack(payloads)), expired, waited}}
"""

# KEYS: queue. ARGV: the new time, then ids with the times that they have. Returns the ids that are another's.
RENEW = """#!lua flags=allow-oom
local lost = {}
for i = 2, #ARGV, 2 do
  local due = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or 0)
  if due == tonumber(ARGV[i + 1]) then
    redis.call('ZADD', KEYS[1], 'XX', ARGV[1], ARGV[i])
  elseif due ~= tonumber(ARGV[1]) then
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
"""

# KEYS: queue, wake. ARGV: id, the time that it has, delay in ms. Returns whether it was the caller's.
PUT_BACK = f"""#!lua flags=allow-oom
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) ~= tonumber(ARGV[2]) then return 0 end
{_NOW}
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[3] - 0.5, ARGV[1])
if ARGV[3] == '0' then redis.call('ZADD', KEYS[2], 0, 'work') end
return 1
"""

# KEYS: queue, bytes, then payloads. ARGV: ids. Returns how many of them were queued.
REMOVE = f"""#!lua flags=allow-oom
{_REMOVE}
return remove(ARGV, 3)
"""

# KEYS: queue, bytes, undecodable, payload. ARGV: id, what to keep of it. Returns whether it was queued.
SET_ASIDE = f"""#!lua flags=allow-oom
{_REMOVE}
if remove({{ARGV[1]}}, 4) == 0 then return 0 end
redis.call('LPUSH', KEYS[3], ARGV[2])
redis.call('LTRIM', KEYS[3], 0, {UNDECODABLE_KEPT - 1})
return 1
"""

# KEYS: queue, bytes. Returns how many entries there are, and their size in bytes.
SIZE = """
local entries = redis.call('ZCARD', KEYS[1])
if entries == 0 then redis.call('DEL', KEYS[2]) end
return {entries, tonumber(redis.call('GET', KEYS[2]) or 0)}
"""

# KEYS: queue. ARGV: how many entries to tell of, prefix of the payloads' keys. Returns Redis' time, how many
# entries wait, how many run, how many are put off, for how long, in ms, the one that waits longest might have
# been taken, and the first: those that run, those that wait, those that are put off, each with its id, what
# it does, and what its payload ends with.
LOOK = f"""
{_NOW}{_PUT_OFF}
local limit, told = tonumber(ARGV[1]), {{}}
local function first(least, most)
  return redis.call('ZRANGEBYSCORE', KEYS[1], least, most, 'WITHSCORES', 'LIMIT', 0, math.max(limit, 1))
end
local again, line, running, deferred = first(0, now), first('-inf', '(0'), {{}}, {{}}
local later = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES')
for i = 1, #later, 2 do
  local found = put_off(later[i + 1]) and deferred or running
  found[#found + 1] = later[i]
  found[#found + 1] = later[i + 1]
end
local function tell(state, entries)
  for i = 1, #entries, 2 do
    if #told == limit then return end
    told[#told + 1] = {{entries[i], state, redis.call('GETRANGE', ARGV[2] .. entries[i], -8, -1)}}
  end
end
tell('running', running)
tell('waiting', again)
tell('waiting', line)
tell('deferred', deferred)
local runs, put = #running / 2, #deferred / 2
local since = math.min(line[2] and line[2] + {LINE} or now, again[2] or now, now)
return {{now, redis.call('ZCARD', KEYS[1]) - runs - put, runs, put, now - since, told}}
"""

# KEYS: consumers. ARGV: name of one, how many entries it runs, ms after which who is silent is gone.
TELL = f"""#!lua flags=allow-oom
{_NOW}
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local told = redis.call('HGETALL', KEYS[1])
for i = 1, #told, 2 do
  if now - told[i + 1]:match('%d+') > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], told[i]) end
end
"""
