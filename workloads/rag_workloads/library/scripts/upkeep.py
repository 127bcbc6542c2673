"""What workers look for beside documents: what was left, and records of earlier releases."""

from rag_workloads.library.scripts import ALLOWED_WHEN_FULL, FUNCTIONS, OWN_KEYS

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
  if not task then
    redis.call('ZREM', work, id)
  elseif not redis.call('ZSCORE', KEYS[{OWN_KEYS}], ARGV[5] .. id .. '.' .. task) then
    found[#found + 1] = id
  end
end
return found
"""
