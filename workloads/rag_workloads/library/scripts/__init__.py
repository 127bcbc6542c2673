"""What two processes could do at once to a record, as Lua scripts that Redis runs one after another.

The reply to a script may be lost, and the client sends the script again: each recognises its own earlier run,
by a token that the caller gives or by what it left, and answers the same.

KEYS of all: record, generation counter, index of all, of pending, processing, completed, failed, cancelled,
work, trash, events, minutes. `work` holds every document that has something left to be done, by the time of
its last step, `trash` the keys of files that no record names any more, `events` tells of every change, as a
stream, `minutes` is what the key of each minute begins with, in which documents that end are counted.
"""

# The number of the first key that only some scripts have.
OWN_KEYS = 13
# A client that was away for longer reads the documents again.
EVENTS_KEPT = 10_000
# The last hour is shown.
MINUTES_KEPT = 61

# At `maxmemory` Redis refuses a script that begins something before it has done anything; what brings
# documents to their end goes on.
REFUSED_WHEN_FULL, ALLOWED_WHEN_FULL = "#!lua\n", "#!lua flags=allow-oom\n"

# What clients ask for is refused once another index answers: it is for that one.
FOR_CLIENTS = """
if redis.call('EXISTS', KEYS[3] .. ':retired') == 1 then
  return redis.error_reply('RETIRED another index of the pipeline answers now')
end
"""

FUNCTIONS = f"""
local record, counter, all, work, trash, events = KEYS[1], KEYS[2], KEYS[3], KEYS[9], KEYS[10], KEYS[11]
local minutes = KEYS[12]
local indexes = {{
  pending = KEYS[4], processing = KEYS[5], completed = KEYS[6], failed = KEYS[7], cancelled = KEYS[8]
}}

local function get(...)
  return unpack(redis.call('HMGET', record, ...))
end

local function move(id, from, to)
  if from and from ~= to then redis.call('ZREM', indexes[from], id) end
  redis.call('ZADD', indexes[to], redis.call('ZSCORE', all, id), id)
  redis.call('HSET', record, 'state', to)
end

-- Tells whoever listens how far a document is.
local function announce(id)
  -- A release before this one knew generations only.
  local task, generation = get('task', 'generation')
  local told = {{'document_id', id, 'task', task or generation}}
  local names = {{'state', 'stage', 'pages', 'pages_done', 'chunks', 'chunks_done', 'batches',
    'batches_done', 'error_code', 'error_message', 'error_page', 'error_hint'}}
  for i, value in ipairs(redis.call('HMGET', record, unpack(names))) do
    if value then
      told[#told + 1] = names[i]
      told[#told + 1] = value
    end
  end
  redis.call('XADD', events, 'MAXLEN', '~', {EVENTS_KEPT}, '*', unpack(told))
end

-- Lists find documents by their tags, and those that failed by why. Before either changes, `unlist` takes the
-- document out of these indexes, and `list` puts it in again.
local function listed_by()
  local tags, code = get('tags', 'error_code')
  local found = {{}}
  for _, tag in ipairs(cjson.decode(tags or '[]')) do found[#found + 1] = all .. ':tag:' .. tag end
  if code then found[#found + 1] = all .. ':error:' .. code end
  return found
end

local function unlist(id)
  for _, index in ipairs(listed_by()) do redis.call('ZREM', index, id) end
end

local function list(id)
  for _, index in ipairs(listed_by()) do redis.call('ZADD', index, redis.call('ZSCORE', all, id), id) end
end

-- Has the index that follows this one, if one does, look at a document.
local function tell_follower(id)
  if redis.call('EXISTS', all .. ':followed') == 1 then redis.call('SADD', all .. ':changed', id) end
end

local function unfinished(state)
  return state == 'pending' or state == 'processing'
end

-- Whether the same bytes, uploaded again, are to be tried again.
local function gave_up(state)
  return state == 'failed' or state == 'cancelled'
end

local function forget_progress(generation)
  local own = record .. ':' .. generation
  redis.call('DEL', own .. ':done', own .. ':failures', own .. ':cut', own .. ':words')
end

-- Collections that may hold points of the document, its own one or earlier ones.
local function remember_place(collection)
  local places = cjson.decode(get('places') or '[]')
  for _, place in ipairs(places) do
    if place == collection then return end
  end
  places[#places + 1] = collection
  redis.call('HSET', record, 'places', cjson.encode(places))
end

local function searchable_in(collection)
  return all .. ':in:' .. collection
end

local function not_searchable(id)
  local collection = get('active_collection')
  if collection then redis.call('SREM', searchable_in(collection), id) end
  redis.call('HDEL', record, 'active_generation', 'active_collection', 'active_object_key')
end

-- Ends a generation, in whatever way; it stays in `work` until it is settled.
local function finish(id, from, to, generation, now, words)
  redis.call('HSET', record, 'completed_at', words, 'updated_at', words)
  redis.call('HDEL', record, 'stage', 'attempt_tokens', 'holder')
  move(id, from, to)
  forget_progress(generation)
  list(id)
  redis.call('ZADD', work, now, id)
  tell_follower(id)
  announce(id)
end

-- Counts a document that has ended, in the minute in which it did.
local function count(outcome, now)
  local minute = minutes .. math.floor(now / 60)
  redis.call('HINCRBY', minute, outcome, 1)
  redis.call('EXPIRE', minute, {60 * MINUTES_KEPT})
end

-- Generations are the time in milliseconds where they can, and always grow: should Redis be lost, they still
-- exceed those in the vector store, and they tell how old a point is.
local function next_generation(now)
  local last = tonumber(redis.call('GET', counter) or 0)
  local next = math.max(last + 1, math.floor(now * 1000))
  redis.call('SET', counter, string.format('%d', next))
  return string.format('%d', next)
end
"""
