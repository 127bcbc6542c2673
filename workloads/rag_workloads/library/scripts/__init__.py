"""What two processes could do at once to a record, as Lua scripts that Redis runs one after another.

The reply to a script may be lost, and the client sends the script again: each recognises its own earlier run,
by a token that the caller gives or by what it left, and answers the same.

KEYS of all: record, generation counter, index of all, of pending, processing, completed, failed, work, trash.
`work` holds every document that has something left to be done, by the time of its last step; `trash` the keys
of files that no record names any more.
"""

# At `maxmemory` Redis refuses a script that begins something before it has done anything; what brings
# documents to their end goes on.
REFUSED_WHEN_FULL, ALLOWED_WHEN_FULL = "#!lua\n", "#!lua flags=allow-oom\n"

FUNCTIONS = """
local record, counter, all, work, trash = KEYS[1], KEYS[2], KEYS[3], KEYS[8], KEYS[9]
local indexes = {pending = KEYS[4], processing = KEYS[5], completed = KEYS[6], failed = KEYS[7]}

local function get(...)
  return unpack(redis.call('HMGET', record, ...))
end

local function move(id, from, to)
  if from and from ~= to then redis.call('ZREM', indexes[from], id) end
  redis.call('ZADD', indexes[to], redis.call('ZSCORE', all, id), id)
  redis.call('HSET', record, 'state', to)
end

local function unfinished(state)
  return state == 'pending' or state == 'processing'
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

-- Generations are the time in milliseconds where they can, and always grow: should Redis be lost, they still
-- exceed those in the vector store, and they tell how old a point is.
local function next_generation(now)
  local last = tonumber(redis.call('GET', counter) or 0)
  local next = math.max(last + 1, math.floor(now * 1000))
  redis.call('SET', counter, string.format('%d', next))
  return string.format('%d', next)
end
"""
