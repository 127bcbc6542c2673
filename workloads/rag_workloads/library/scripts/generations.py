"""The life of a generation: it begins, is taken up, gets further, and ends."""

from rag_workloads.library.scripts import (
    ALLOWED_WHEN_FULL,
    FOR_CLIENTS,
    FUNCTIONS,
    OWN_KEYS,
    REFUSED_WHEN_FULL,
)

# Begins a generation of other bytes; what searches see of the document stays. `task` is the number of the
# upload, the generation's own if false; a document that is new was created at the time `born`, in words
# `created`. Answers the generation.
BEGIN_GENERATION = """
local function begin(id, now, words, task, born, created, fields)
  local state, known, deleting, generation, old_file, collection, active, active_file, active_collection =
    get('state', 'created_at', 'deleting', 'generation', 'object_key', 'collection', 'active_generation',
        'active_object_key', 'active_collection')
  if generation then
    forget_progress(generation)
    if collection then remember_place(collection) end
    if active_collection then remember_place(active_collection) end
    if deleting == '1' then
      not_searchable(id)
      if active_file then redis.call('SADD', trash, active_file) end
      active, active_file = false, false
    end
    if active == generation and not active_file then
      active_file = old_file
    elseif old_file ~= active_file then
      redis.call('SADD', trash, old_file)
    end
  end
  local places, described = get('places', 'described')
  local next = next_generation(now)
  unlist(id)
  redis.call('DEL', record)
  if places then redis.call('HSET', record, 'places', places) end
  redis.call('HSET', record, 'task', task or next, 'generation', next, 'state', 'pending', 'stage', 'queued',
             'created_at', known or created, 'begun_at', words, 'updated_at', words,
             'revised', next, unpack(fields))
  if active then
    redis.call('HSET', record, 'active_generation', active, 'described', described or '0')
    if active_collection then redis.call('HSET', record, 'active_collection', active_collection) end
    if active_file then redis.call('HSET', record, 'active_object_key', active_file) end
  end
  redis.call('ZADD', all, 'NX', born, id)
  list(id)
  move(id, state, 'pending')
  redis.call('ZADD', work, now, id)
  tell_follower(id)
  announce(id)
  return next
end
"""

# One more key: what became of the upload. ARGV: document id, now, time in words, sha256, file key, seconds
# that the upload is remembered, collection, revision, then fields and values. Answers the task, its state,
# and 1 if the upload began it.
BEGIN = f"""{REFUSED_WHEN_FULL}{FUNCTIONS}{BEGIN_GENERATION}{FOR_CLIENTS}
local id, now, words, sha256, file = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local upload = KEYS[{OWN_KEYS}]
local earlier = redis.call('HMGET', upload, 'task', 'state', 'begun')
if earlier[1] then return {{earlier[1], earlier[2], tonumber(earlier[3])}} end
local function answer(task, state, begun)
  redis.call('HSET', upload, 'task', task, 'state', state, 'begun', begun)
  redis.call('EXPIRE', upload, ARGV[6])
  return {{task, state, begun}}
end
local old_sha, state, task, generation, old_file, home, revision = get(
  'sha256', 'state', 'task', 'generation', 'object_key', 'collection', 'revision')
task = task or generation  -- a release before this one knew generations only
-- Another index may have had this upload before it was switched to.
if old_file == file then return answer(task, state, 1) end
if state == 'completed' then home = get('active_collection') end
local here = home == ARGV[7] or (not home and state ~= 'completed')
  or (home and tonumber(revision or 0) > tonumber(ARGV[8]))
if old_sha == sha256 and not gave_up(state) and here then
  redis.call('SADD', trash, file)
  return answer(task, state, 0)
end
local next = begin(id, now, words, false, now, words, {{'revision', ARGV[8], unpack(ARGV, 9)}})
return answer(next, 'pending', 1)
"""

# Begins a generation of the same bytes anew. ARGV: document id, now, time in words, generation, token, and
# the state that it was seen in; if it has ended since, nothing is done. Answers whether it did.
RESTART = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}{FOR_CLIENTS}
local id, now, token = ARGV[1], ARGV[2], ARGV[5]
local generation, state, deleting, last, file, active, active_file, collection = get(
  'generation', 'state', 'deleting', 'restart_token', 'object_key', 'active_generation', 'active_object_key',
  'collection')
if last == token then return 1 end
if generation ~= ARGV[4] or deleting == '1' then return 0 end
if state ~= ARGV[6] and not (unfinished(state) and unfinished(ARGV[6])) then return 0 end
if active and not active_file then redis.call('HSET', record, 'active_object_key', file) end
if collection then remember_place(collection) end
forget_progress(generation)
unlist(id)
redis.call('HDEL', record, 'collection', 'chunk_size', 'chunk_overlap', 'batch_size', 'pages', 'pages_done',
           'chunks', 'batches', 'batches_queued', 'batches_done', 'attempts', 'attempt_tokens', 'holder',
           'warnings', 'warnings_total', 'pages_without_text', 'recoveries', 'error_code', 'error_message',
           'error_page', 'error_hint', 'completed_at', 'chunks_done', 'taken_up_at', 'cut_at', 'embedded_at',
           'deadly_page')
redis.call('HSETNX', record, 'task', generation)
redis.call('HSET', record, 'generation', next_generation(now), 'stage', 'queued', 'restart_token', token,
           'begun_at', ARGV[3], 'updated_at', ARGV[3])
list(id)
move(id, state, 'pending')
redis.call('ZADD', work, now, id)
tell_follower(id)
announce(id)
return 1
"""

# Counts an attempt, and freezes layout and collection at the first. An attempt that counts is known by its
# token, with the page that it turned to last: if the last two died with the same one, that page is deadly.
# ARGV: document id, now, time in words, generation, token, collection, then fields and values to freeze with
# it. Answers whether the generation is still to be done.
TAKE_UP = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id, now, token = ARGV[1], ARGV[2], ARGV[5]
local generation, state, tokens, collection = get('generation', 'state', 'attempt_tokens', 'collection')
if generation ~= ARGV[4] or not unfinished(state) then return 0 end
tokens = tokens or ''
if tokens:find(token, 1, true) then return 1 end
if not collection then
  redis.call('HSET', record, 'collection', ARGV[6], unpack(ARGV, 7))
  remember_place(ARGV[6])
end
local page, same = tokens:match(':(%d+) [^ :]+:(%d+) $')
if page and page == same then redis.call('HSET', record, 'deadly_page', page) end
redis.call('HINCRBY', record, 'attempts', 1)
redis.call('HSETNX', record, 'taken_up_at', ARGV[3])
redis.call('HSET', record, 'attempt_tokens', tokens .. token .. ' ', 'holder', token, 'stage', 'parsing',
           'updated_at', ARGV[3])
move(id, state, 'processing')
redis.call('ZADD', work, now, id)
announce(id)
return 1
"""

# Notes the page that an attempt turns to; it has none in hand once batches are cut. ARGV: document id,
# generation, token, page, or "" for none. Answers whether no other attempt has begun, and the generation is
# still to be done.
TURN_TO = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local generation, state, holder, tokens = get('generation', 'state', 'holder', 'attempt_tokens')
if generation ~= ARGV[2] or not unfinished(state) or holder ~= ARGV[3] then return 0 end
local page = ARGV[4] == '' and '' or ':' .. ARGV[4]
local turned = tokens:gsub(holder .. '[^ ]* $', holder .. page .. ' ')
redis.call('HSET', record, 'attempt_tokens', turned)
return 1
"""

# Takes an attempt back that was nobody's fault, though others have begun since: each is known by its token
# for as long as it counts. ARGV: document id, token.
GIVE_BACK = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local tokens = get('attempt_tokens') or ''
local first, last = tokens:find(ARGV[2], 1, true)
if not first then return 0 end
last = tokens:find(' ', last + 1, true)
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
announce(ARGV[1])
return 1
"""

# Marks a generation as the one that searches see; it stays in `work` until it is settled. What was made from
# an earlier upload, as the last one came to nothing, ends as that one did. ARGV: document id, now, time in
# words, generation, collection, number of the description that its chunks have. Answers whether it is.
COMPLETE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id = ARGV[1]
local generation, state, file, active, active_file, source, outcome = get(
  'generation', 'state', 'object_key', 'active_generation', 'active_object_key', 'source_key', 'outcome')
if generation ~= ARGV[4] then return 0 end
if active == generation and not unfinished(state) then return 1 end
if not unfinished(state) then return 0 end
if active_file and active_file ~= file and active_file ~= source then
  redis.call('SADD', trash, active_file)
end
not_searchable(id)
redis.call('HSET', record, 'active_generation', generation, 'active_collection', ARGV[5],
           'described', ARGV[6])
redis.call('HDEL', record, 'recoveries', 'source_key', 'outcome')
redis.call('SADD', searchable_in(ARGV[5]), id)
local ending = 'completed'
if outcome then
  redis.call('HSET', record, 'active_object_key', source, unpack(cjson.decode(outcome)))
  ending = get('state')
end
finish(id, state, ending, generation, ARGV[2], ARGV[3])
count('completed', ARGV[2])
return 1
"""

# Marks a generation as failed; it stays in `work` until it is settled. Of attempts only the last one may.
# ARGV: document id, now, time in words, generation, token of the attempt that failed or "", fields and
# values. Answers whether it did.
FAIL = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id = ARGV[1]
local generation, state, holder = get('generation', 'state', 'holder')
if generation ~= ARGV[4] or not unfinished(state) then return 0 end
if ARGV[5] ~= '' and ARGV[5] ~= holder then return 0 end
redis.call('HSET', record, unpack(ARGV, 6))
finish(id, state, 'failed', generation, ARGV[2], ARGV[3])
count('failed', ARGV[2])
return 1
"""

# Ends a generation that nobody wants any more; it stays in `work` until it is settled. ARGV: document id,
# now, time in words, generation. Answers whether it is cancelled.
CANCEL = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}{FOR_CLIENTS}
local id = ARGV[1]
local generation, state = get('generation', 'state')
if generation ~= ARGV[4] then return 0 end
if state == 'cancelled' then return 1 end
if not unfinished(state) then return 0 end
finish(id, state, 'cancelled', generation, ARGV[2], ARGV[3])
return 1
"""

# Nothing is left to be done for a generation that is over: points of the document are where searches see it,
# if they do. ARGV: document id, generation.
SETTLED = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local generation, state, deleting, active_collection, revised, described = get(
  'generation', 'state', 'deleting', 'active_collection', 'revised', 'described')
if generation then
  if generation ~= ARGV[2] or unfinished(state) or deleting == '1' then return 0 end
  if active_collection and (revised or '0') ~= (described or '0') then return 0 end
  redis.call('HDEL', record, 'places')
  if active_collection then remember_place(active_collection) end
end
return redis.call('ZREM', work, ARGV[1])
"""
