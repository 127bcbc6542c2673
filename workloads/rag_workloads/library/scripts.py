"""What two processes could do at once to a record, as Lua scripts that Redis runs one after another.

The reply to a script may be lost, and the client sends the script again: each recognises its own earlier run,
by a token that the caller gives or by what it left, and answers the same.

KEYS of all: record, generation counter, index of all, of pending, processing, completed, failed, work, trash.
`work` holds every document that has something left to be done, by the time of its last step; `trash` the keys
of files that no record names any more.
"""

from rag_workloads.jobs.scripts import ENTER

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

# One more key: what became of the upload. ARGV: document id, now, time in words, sha256, file key, seconds
# that the upload is remembered, collection, revision, then fields and values. Answers the task, its state,
# and 1 if the upload began it.
BEGIN = f"""{REFUSED_WHEN_FULL}{FUNCTIONS}
local id, now, words, sha256, file = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local upload = KEYS[10]
local earlier = redis.call('HMGET', upload, 'task', 'state', 'begun')
if earlier[1] then return {{earlier[1], earlier[2], tonumber(earlier[3])}} end
local function answer(task, state, begun)
  redis.call('HSET', upload, 'task', task, 'state', state, 'begun', begun)
  redis.call('EXPIRE', upload, ARGV[6])
  return {{task, state, begun}}
end
local old_sha, state, created, task, generation, old_file, active, active_file, collection, revision,
  deleting = get('sha256', 'state', 'created_at', 'task', 'generation', 'object_key', 'active_generation',
      'active_object_key', 'collection', 'revision', 'deleting')
local home = collection
if state == 'completed' then home = get('active_collection') end
local here = home == ARGV[7] or (not home and state ~= 'completed')
  or (home and tonumber(revision or 0) > tonumber(ARGV[8]))
if old_sha == sha256 and state ~= 'failed' and here then
  redis.call('SADD', trash, file)
  return answer(task, state, 0)
end
local active_collection = get('active_collection')
if generation then
  forget_progress(generation)
  if collection then remember_place(collection) end
  if deleting == '1' then
    not_searchable(id)
    if active_file then redis.call('SADD', trash, active_file) end
    active, active_file = false, false
  end
  if active == generation then
    active_file = old_file
  elseif old_file ~= active_file then
    redis.call('SADD', trash, old_file)
  end
end
local places = get('places')
local next = next_generation(now)
redis.call('DEL', record)
if places then redis.call('HSET', record, 'places', places) end
redis.call('HSET', record, 'task', next, 'generation', next, 'state', 'pending', 'stage', 'queued',
           'created_at', created or words, 'updated_at', words, 'revision', ARGV[8], unpack(ARGV, 9))
if active then
  redis.call('HSET', record, 'active_generation', active, 'active_collection', active_collection)
  if active_file then redis.call('HSET', record, 'active_object_key', active_file) end
end
redis.call('ZADD', all, 'NX', now, id)
move(id, state, 'pending')
redis.call('ZADD', work, now, id)
return answer(next, 'pending', 1)
"""

# Begins a generation of the same bytes anew, unless it failed. ARGV: document id, now, generation, token.
# Answers whether it did.
RESTART = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id, now, token = ARGV[1], ARGV[2], ARGV[4]
local generation, state, deleting, last, file, active, active_file, collection = get(
  'generation', 'state', 'deleting', 'restart_token', 'object_key', 'active_generation', 'active_object_key',
  'collection')
if last == token then return 1 end
if generation ~= ARGV[3] or state == 'failed' or deleting == '1' then return 0 end
if active and not active_file then redis.call('HSET', record, 'active_object_key', file) end
if collection then remember_place(collection) end
forget_progress(generation)
redis.call('HDEL', record, 'collection', 'chunk_size', 'chunk_overlap', 'batch_size', 'pages', 'pages_done',
           'chunks', 'batches', 'batches_queued', 'batches_done', 'attempts', 'attempt_tokens', 'holder',
           'warnings', 'warnings_total', 'pages_without_text', 'recoveries', 'error_code', 'error_message',
           'error_page', 'error_hint', 'completed_at')
redis.call('HSETNX', record, 'task', generation)
redis.call('HSET', record, 'generation', next_generation(now), 'stage', 'queued', 'restart_token', token)
move(id, state, 'pending')
redis.call('ZADD', work, now, id)
return 1
"""

# Counts an attempt, and freezes layout and collection at the first. ARGV: document id, now, time in words,
# generation, token, collection, then fields and values to freeze with it. Answers whether the generation is
# still to be done.
TAKE_UP = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id, now, token = ARGV[1], ARGV[2], ARGV[5]
local generation, state, tokens, collection = get('generation', 'state', 'attempt_tokens', 'collection')
if generation ~= ARGV[4] or not unfinished(state) then return 0 end
tokens = tokens or ''
if tokens:find(token .. ' ', 1, true) then return 1 end
if not collection then
  redis.call('HSET', record, 'collection', ARGV[6], unpack(ARGV, 7))
  remember_place(ARGV[6])
end
redis.call('HINCRBY', record, 'attempts', 1)
redis.call('HSET', record, 'attempt_tokens', tokens .. token .. ' ', 'holder', token, 'stage', 'parsing',
           'updated_at', ARGV[3])
move(id, state, 'processing')
redis.call('ZADD', work, now, id)
return 1
"""

# Takes an attempt back that was nobody's fault, though others have begun since: each is known by its token
# for as long as it counts. ARGV: document id, token.
GIVE_BACK = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local tokens = get('attempt_tokens') or ''
local first, last = tokens:find(ARGV[2] .. ' ', 1, true)
if not first then return 0 end
redis.call('HINCRBY', record, 'attempts', -1)
redis.call('HSET', record, 'attempt_tokens', tokens:sub(1, first - 1) .. tokens:sub(last + 1))
return 1
"""

# Sets fields of a generation that is to be done. ARGV: document id, now, time in words, generation, fields
# and values. Answers whether it did.
UPDATE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local generation, state = get('generation', 'state')
if generation ~= ARGV[4] or not unfinished(state) then return 0 end
redis.call('HSET', record, 'updated_at', ARGV[3], unpack(ARGV, 5))
redis.call('ZADD', work, ARGV[2], ARGV[1])
return 1
"""

# Queues batches of a generation, in order, and notes how far it is cut: both or neither, so that the next
# attempt goes on after them. Only the last one to take the document up may. Keys from the tenth on, and ARGV
# from the eleventh on, are those of `enter`. ARGV: document id, now, time in words, generation, token, number
# of the first batch, how many there are, the state in which the next attempt begins, words to add to those
# that it knows, and how many chunks there are if these were the last, else "". Answers whether it did.
CUT = f"""{REFUSED_WHEN_FULL}{FUNCTIONS}{ENTER}
local generation, state, holder, queued = get('generation', 'state', 'holder', 'batches_queued')
if generation ~= ARGV[4] or not unfinished(state) or holder ~= ARGV[5] then return 0 end
local first, count, chunks = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[10]
if tonumber(queued or 0) ~= first then return 1 end
enter(10, 11)
local own = record .. ':' .. generation
redis.call('HSET', record, 'batches_queued', first + count, 'updated_at', ARGV[3])
if chunks == '' then
  redis.call('SET', own .. ':cut', ARGV[8])
  redis.call('APPEND', own .. ':words', ARGV[9])
  redis.call('HSET', record, 'attempts', 1, 'attempt_tokens', holder .. ' ')
else
  redis.call('DEL', own .. ':cut', own .. ':words')
  redis.call('HSET', record, 'batches', first + count, 'chunks', chunks, 'stage', 'embedding')
end
redis.call('ZADD', work, ARGV[2], ARGV[1])
return 1
"""

# Counts a batch as done, once. ARGV: document id, now, time in words, generation, number.
# Answers -1 where the generation is over, else whether all its batches are done.
BATCH_DONE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local generation, state, batches = get('generation', 'state', 'batches')
if generation ~= ARGV[4] or not unfinished(state) then return -1 end
local done = record .. ':' .. generation .. ':done'
redis.call('SADD', done, ARGV[5])
local count = redis.call('SCARD', done)
redis.call('HSET', record, 'batches_done', count, 'updated_at', ARGV[3])
redis.call('ZADD', work, ARGV[2], ARGV[1])
return (batches and count >= tonumber(batches)) and 1 or 0
"""

# Counts a failure of a batch. ARGV: generation, number, token, seconds that it is kept. Answers how many.
BATCH_FAILED = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local failures = record .. ':' .. ARGV[1] .. ':failures'
local last = ARGV[2] .. ':token'
if redis.call('HGET', failures, last) ~= ARGV[3] then
  redis.call('HINCRBY', failures, ARGV[2], 1)
  redis.call('HSET', failures, last, ARGV[3])
  redis.call('EXPIRE', failures, ARGV[4])
end
return tonumber(redis.call('HGET', failures, ARGV[2]))
"""

# Marks a generation as the one that searches see; it stays in `work` until it is settled. ARGV: document id,
# now, time in words, generation, collection. Answers whether it is.
COMPLETE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id = ARGV[1]
local generation, state, file, active, active_file = get(
  'generation', 'state', 'object_key', 'active_generation', 'active_object_key')
if generation ~= ARGV[4] then return 0 end
if state == 'completed' and active == generation then return 1 end
if not unfinished(state) then return 0 end
if active_file and active_file ~= file then redis.call('SADD', trash, active_file) end
not_searchable(id)
redis.call('HSET', record, 'active_generation', generation, 'active_collection', ARGV[5],
           'completed_at', ARGV[3], 'updated_at', ARGV[3])
redis.call('HDEL', record, 'stage', 'attempt_tokens', 'holder', 'recoveries')
redis.call('SADD', searchable_in(ARGV[5]), id)
move(id, state, 'completed')
forget_progress(generation)
redis.call('ZADD', work, ARGV[2], id)
return 1
"""

# Marks a generation as failed; it stays in `work` until it is settled. ARGV: document id, now, time in words,
# generation, fields and values. Answers whether it did.
FAIL = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id = ARGV[1]
local generation, state = get('generation', 'state')
if generation ~= ARGV[4] or not unfinished(state) then return 0 end
redis.call('HSET', record, 'completed_at', ARGV[3], 'updated_at', ARGV[3], unpack(ARGV, 5))
redis.call('HDEL', record, 'stage', 'attempt_tokens', 'holder')
move(id, state, 'failed')
forget_progress(generation)
redis.call('ZADD', work, ARGV[2], id)
return 1
"""

# Marks a document whose deletion begins, whatever its state: jobs that run stop. As FAIL.
RETIRE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id = ARGV[1]
local generation, state = get('generation', 'state')
if generation ~= ARGV[4] then return 0 end
redis.call('HDEL', record, 'stage', 'attempt_tokens', 'holder', 'error_page')
redis.call('HSET', record, 'deleting', '1', 'completed_at', ARGV[3], 'updated_at', ARGV[3], unpack(ARGV, 5))
move(id, state, 'failed')
forget_progress(generation)
redis.call('ZADD', work, ARGV[2], id)
return 1
"""

# Nothing is left to be done for a generation that is over: points of the document are where searches see it,
# if they do. ARGV: document id, generation.
SETTLED = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local generation, state, deleting, active_collection = get(
  'generation', 'state', 'deleting', 'active_collection')
if generation then
  if generation ~= ARGV[2] or unfinished(state) or deleting == '1' then return 0 end
  redis.call('HDEL', record, 'places')
  if active_collection then remember_place(active_collection) end
end
return redis.call('ZREM', work, ARGV[1])
"""

# The document was deleted up to a generation, and has been uploaded again since: what searches saw of it
# goes. ARGV: document id, generation.
WITHDRAW = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local file, active, active_file = get('object_key', 'active_generation', 'active_object_key')
if not active or tonumber(active) > tonumber(ARGV[2]) then return 0 end
if active_file and active_file ~= file then redis.call('SADD', trash, active_file) end
not_searchable(ARGV[1])
return 1
"""

# Removes a record; its files are trash. ARGV: document id, generation. Answers whether there was one.
DELETE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id = ARGV[1]
local generation, file, active_file = get('generation', 'object_key', 'active_object_key')
if generation ~= ARGV[2] then return 0 end
redis.call('SADD', trash, file)
if active_file then redis.call('SADD', trash, active_file) end
not_searchable(id)
forget_progress(generation)
redis.call('DEL', record)
for _, index in pairs(indexes) do redis.call('ZREM', index, id) end
redis.call('ZREM', all, id)
redis.call('ZREM', work, id)
return 1
"""

# Notes where the points are of a document that a release completed which did not. ARGV: document id, active
# generation, collection.
ADOPT = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local active, collection = get('active_generation', 'active_collection')
if active ~= ARGV[2] or collection then return 0 end
redis.call('HSET', record, 'active_collection', ARGV[3])
return redis.call('SADD', searchable_in(ARGV[3]), ARGV[1])
"""

# Documents with something left to be done whose job neither waits nor runs. One more key: the ingest queue.
# ARGV: time before which their last step was, how many to leave out, how many to look at, what stands before
# the id in a record's key, and before the task's id in that of a job. Answers how many were looked at, then
# ids.
LEFT = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local ids = redis.call('ZRANGEBYSCORE', work, '-inf', ARGV[1], 'LIMIT', ARGV[2], ARGV[3])
local found = {{#ids}}
for _, id in ipairs(ids) do
  -- A release before this one knew generations only.
  local task, generation = unpack(redis.call('HMGET', ARGV[4] .. id, 'task', 'generation'))
  task = task or generation
  if not task or not redis.call('ZSCORE', KEYS[10], ARGV[5] .. id .. '.' .. task) then
    found[#found + 1] = id
  end
end
return found
"""
