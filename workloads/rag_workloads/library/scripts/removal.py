"""The end of a document: what searches see of it goes first, its record last."""

from rag_workloads.library.scripts import ALLOWED_WHEN_FULL, EVENTS_KEPT, FOR_CLIENTS, FUNCTIONS

# Marks a document whose deletion begins, whatever its state: jobs that run stop. ARGV: document id, now, time
# in words, generation, fields and values. Answers whether it did.
RETIRE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}{FOR_CLIENTS}
local id = ARGV[1]
local generation, state = get('generation', 'state')
if generation ~= ARGV[4] then return 0 end
unlist(id)
redis.call('HDEL', record, 'error_page')
redis.call('HSET', record, 'deleting', '1', unpack(ARGV, 5))
finish(id, state, 'failed', generation, ARGV[2], ARGV[3])
return 1
"""

# The document was deleted up to a generation, and has been uploaded again since: what searches saw of it
# goes. ARGV: document id, generation.
WITHDRAW = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local file, active, active_file = get('object_key', 'active_generation', 'active_object_key')
if not active or tonumber(active) > tonumber(ARGV[2]) then return 0 end
if active_file and active_file ~= file then redis.call('SADD', trash, active_file) end
not_searchable(ARGV[1])
tell_follower(ARGV[1])
return 1
"""

# Removes a record; its files are trash. ARGV: document id, generation. Answers whether there was one.
DELETE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local id = ARGV[1]
local task, generation, file, active_file = get('task', 'generation', 'object_key', 'active_object_key')
if generation ~= ARGV[2] then return 0 end
redis.call('SADD', trash, file)
if active_file then redis.call('SADD', trash, active_file) end
not_searchable(id)
forget_progress(generation)
unlist(id)
redis.call('DEL', record)
for _, index in pairs(indexes) do redis.call('ZREM', index, id) end
redis.call('ZREM', all, id)
redis.call('ZREM', work, id)
tell_follower(id)
redis.call('XADD', events, 'MAXLEN', '~', {EVENTS_KEPT}, '*', 'document_id', id, 'task', task or generation,
           'state', 'deleted')
return 1
"""
