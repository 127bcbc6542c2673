"""One index follows another: it gets the same documents, and takes its place once it has them all.

The index that answers leads. Of it a script reads a record, and writes the follower's, in one step.
"""

from rag_workloads.library.scripts import FOR_CLIENTS, FUNCTIONS, OWN_KEYS, REFUSED_WHEN_FULL
from rag_workloads.library.scripts.generations import BEGIN_GENERATION

# Has the leader note from now on what changes, if the follower is wanted. KEYS: the pipeline's indexes, who
# follows the leader, what has changed there, how far the follower has looked at all documents. ARGV: the
# follower's id. Answers how far it has; nothing if it is not wanted.
ATTACH = """#!lua
local indexes, followed, changed, looked_at = unpack(KEYS)
if redis.call('HGET', indexes, 'next') ~= ARGV[1] then return false end
if redis.call('GET', followed) ~= ARGV[1] then
  redis.call('SET', followed, ARGV[1])
  redis.call('DEL', changed, looked_at)
end
return redis.call('GET', looked_at) or ''
"""

# Notes how far the follower has looked at all documents, unless it began anew meanwhile, or another worker
# has come further. KEYS: who follows the leader, how far. ARGV: the follower's id, how far it had, and has.
LOOKED_AT = """#!lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[2], ARGV[3])
return 1
"""

# Makes a record what the leader's is, if it still follows. Two more keys: the leader's record, and its index
# of all. ARGV: id of the document, now, time in words, the follower's id, and 0 unless it was just seen
# whether searches see the document, which an earlier release did not note. Answers what is to be done beside,
# the task, and the generation through which: "delete", "withdraw" or "adopt", after which the document is
# looked at again; "queue"; or "", if it is the same.
#
# What searches see of the leader's is embedded anew. That is an earlier upload where the last one came to
# nothing: then the record ends as the leader's did, by `outcome`, at once if it has that upload already. A
# version that is older than what searches see of the leader's does not count as searchable.
FOLLOW = f"""{REFUSED_WHEN_FULL}{FUNCTIONS}{BEGIN_GENERATION}{FOR_CLIENTS}
local id, now, words = ARGV[1], ARGV[2], ARGV[3]
local leader, leader_all = KEYS[{OWN_KEYS}], KEYS[{OWN_KEYS + 1}]
if redis.call('GET', leader_all .. ':followed') ~= ARGV[4] then return {{'', '', ''}} end
local function of_leader(...)
  return unpack(redis.call('HMGET', leader, ...))
end

-- Of the leader's record, those of these fields that it has.
local function copied(...)
  local found = {{}}
  for _, name in ipairs({{...}}) do
    local value = redis.call('HGET', leader, name)
    if value then
      found[#found + 1] = name
      found[#found + 1] = value
    end
  end
  return found
end

local state, deleting, task, generation, file, active, active_file, home, created, revised = of_leader(
  'state', 'deleting', 'task', 'generation', 'object_key', 'active_generation', 'active_object_key',
  'active_collection', 'created_at', 'revised')
if not state or deleting == '1' then
  local known = get('generation')
  if known then return {{'delete', '', known}} end
  redis.call('SREM', leader_all .. ':changed', id)
  return {{'', '', ''}}
end

if active and not home and ARGV[5] == '0' then return {{'adopt', '', active}} end
task = task or generation  -- a release before this one knew generations only
local outcome, source = gave_up(state) and state or '', file
if gave_up(state) and active then source = active_file or file end
local signature, queued = table.concat({{task, source, outcome}}, ' '), false
if get('followed') ~= signature then
  local fields = copied('document_id', 'file_name', 'tags', 'metadata', 'content_type', 'size_bytes',
    'sha256', 'object_key')
  fields[#fields + 1] = 'revised'
  fields[#fields + 1] = revised or '0'
  local born = redis.call('ZSCORE', leader_all, id)
  local begun = begin(id, now, words, task, born, created, fields)
  redis.call('SREM', trash, file, source)
  redis.call('HSET', record, 'followed', signature)
  local ending = copied('state', 'error_code', 'error_message', 'error_page', 'error_hint')
  if outcome == '' then
    queued = true
  elseif active and get('active_object_key') ~= source then
    redis.call('HSET', record, 'source_key', source, 'outcome', cjson.encode(ending))
    queued = true
  else
    redis.call('HSET', record, unpack(ending))
    finish(id, 'pending', state, begun, now, words)
  end
elseif (revised or '0') ~= (get('revised') or '0') then
  unlist(id)
  redis.call('HSET', record, unpack(copied('file_name', 'tags', 'metadata', 'revised')))
  list(id)
  redis.call('ZADD', work, now, id)
end

local mine, own, place = get('active_generation', 'generation', 'active_collection')
if mine and mine ~= own then
  if not active then return {{'withdraw', queued and task or '', mine}} end
  if active == generation and place then redis.call('SREM', searchable_in(place), id) end
end
redis.call('SREM', leader_all .. ':changed', id)
return {{queued and 'queue' or '', task, ''}}
"""

# How many of the documents that searches see of the leader are searchable in the follower too, how many there
# are, how many failed in the follower, and how many could not follow. KEYS: both sets of searchable
# documents, those that failed in the follower, those that could not follow.
PROGRESS = """#!lua flags=no-writes
local leading, following, failed = KEYS[1], KEYS[2], KEYS[3]
local done = redis.call('SINTERCARD', 2, leading, following)
local lost = redis.call('ZINTERCARD', 2, failed, leading)
local known = redis.call('ZINTERCARD', 3, failed, leading, following)
return {done, redis.call('SCARD', leading), lost - known, redis.call('HLEN', KEYS[4])}
"""

# Documents that searches see of the leader and that failed in the follower. KEYS: as above. ARGV: how many.
# Answers their ids.
FAILED = """#!lua flags=no-writes
local found = {}
for _, id in ipairs(redis.call('ZINTER', 2, KEYS[3], KEYS[1])) do
  if #found == tonumber(ARGV[1]) then break end
  if redis.call('SISMEMBER', KEYS[2], id) == 0 then found[#found + 1] = id end
end
return found
"""

# Has the follower answer in place of the leader, if it is still wanted, and has all documents that searches
# see of the leader. KEYS: the pipeline's indexes, both indexes of all, both sets of searchable documents, the
# follower's events, both counters of generations. ARGV: the ids of both, now. Answers whether it does.
SWITCH = """#!lua flags=allow-oom
local indexes, leader, follower, leading, following, events, before, counter = unpack(KEYS)
local serving, next = unpack(redis.call('HMGET', indexes, 'serving', 'next'))
if serving == ARGV[2] then return 1 end
if serving ~= ARGV[1] or next ~= ARGV[2] then return 0 end
if redis.call('GET', leader .. ':followed') ~= ARGV[2] then return 0 end
if redis.call('GET', follower .. ':looked_at') ~= 'all' then return 0 end
if redis.call('EXISTS', leader .. ':changed') == 1 then return 0 end
if redis.call('SCARD', following) < redis.call('SCARD', leading) then return 0 end
if #redis.call('SDIFF', leading, following) > 0 then return 0 end
redis.call('HSET', indexes, 'serving', ARGV[2], 'retired:' .. ARGV[1], ARGV[3])
redis.call('SET', leader .. ':retired', ARGV[2])
-- The numbers of tasks go on growing.
local last = tonumber(redis.call('GET', before) or 0)
if last > tonumber(redis.call('GET', counter) or 0) then
  redis.call('SET', counter, string.format('%d', last))
end
-- Its own work until now is nobody's news.
redis.call('DEL', leader .. ':followed', follower .. ':looked_at', events)
return 1
"""
