"""What two processes could do at once to a record, as Lua scripts that Redis runs one after another.

All but BEGIN and ATTEMPT take the KEYS: record, set of done batches, failures, index of all, index
of pending, processing, completed, failed; and the ARGV: document id, generation.
"""

# Generations only grow, from the clock on: should Redis be lost, they still exceed those in the vector store.
# KEYS: record, generation counter, index of all, index of pending, processing, completed, failed.
# ARGV: document id, sha256, now, timestamp, then fields and values.
# Returns whether a new generation began, and the key of the file that no generation needs any more, or ''.
BEGIN = """
local old = redis.call('HMGET', KEYS[1], 'sha256', 'state', 'created_at', 'active_generation', 'generation',
                       'object_key', 'active_object_key')
if old[1] == ARGV[2] and old[2] ~= 'failed' then return {0, ''} end
local score = redis.call('ZSCORE', KEYS[3], ARGV[1]) or ARGV[4]
if old[5] then
  local past = KEYS[1] .. ':' .. old[5]
  redis.call('DEL', past .. ':done', past .. ':failures')
end
local active_file, unused_file = old[7], old[6]
if old[4] and old[4] == old[5] then active_file, unused_file = old[6], old[7] end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], math.floor(ARGV[4] * 1000), 'NX')
redis.call('HSET', KEYS[1], 'generation', redis.call('INCR', KEYS[2]), 'state', 'pending', 'stage', 'queued',
           'created_at', old[3] or ARGV[3], 'updated_at', ARGV[3], unpack(ARGV, 5))
if old[4] then redis.call('HSET', KEYS[1], 'active_generation', old[4]) end
if active_file then redis.call('HSET', KEYS[1], 'active_object_key', active_file) end
for i = 5, 7 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('ZADD', KEYS[3], score, ARGV[1])
redis.call('ZADD', KEYS[4], score, ARGV[1])
return {1, unused_file or ''}
"""

# Counts attempts. KEYS: record. ARGV: generation, change.
# Returns how many there are after it; 0 and no change where UPDATE would not apply.
ATTEMPT = """
local old = redis.call('HMGET', KEYS[1], 'generation', 'state')
if old[1] ~= ARGV[1] or old[2] == 'completed' or old[2] == 'failed' then return 0 end
return redis.call('HINCRBY', KEYS[1], 'attempts', ARGV[2])
"""

# The end of a script: sets the fields, and moves the record to the index of its state.
# One that is finished has no stage: nothing is being done to it.
SET_FIELDS = """
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
local state = redis.call('HGET', KEYS[1], 'state')
local at = {pending = 5, processing = 6, completed = 7, failed = 8}
for i = 5, 8 do
  if i ~= at[state] then redis.call('ZREM', KEYS[i], ARGV[1]) end
end
redis.call('ZADD', KEYS[at[state]], redis.call('ZSCORE', KEYS[4], ARGV[1]), ARGV[1])
if state == 'completed' or state == 'failed' then
  redis.call('HDEL', KEYS[1], 'stage')
  redis.call('DEL', KEYS[2], KEYS[3])
end
return 1
"""

# More ARGV: number of a done batch or '', fields and values. Returns whether it applied.
UPDATE = f"""
local old = redis.call('HMGET', KEYS[1], 'generation', 'state')
if old[1] ~= ARGV[2] or old[2] == 'completed' or old[2] == 'failed' then return 0 end
if ARGV[3] ~= '' then
  redis.call('SADD', KEYS[2], ARGV[3])
  redis.call('HSET', KEYS[1], 'batches_done', redis.call('SCARD', KEYS[2]))
end
{SET_FIELDS}"""

# As UPDATE, but final states too, and no generation is active after it.
RETIRE = f"""
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], 'active_generation', 'error_page')
{SET_FIELDS}"""

# Returns whether there was such a record.
DELETE = """
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
for i = 4, 8 do redis.call('ZREM', KEYS[i], ARGV[1]) end
return 1
"""
