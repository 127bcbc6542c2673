"""What clients say of a document, and whether the chunks that searches see have it."""

from rag_workloads.library.scripts import ALLOWED_WHEN_FULL, FOR_CLIENTS, FUNCTIONS, REFUSED_WHEN_FULL

# Changes a description, if nobody else has since it was read; it is left to be settled. ARGV: document id,
# now, time in words, the number of the description that was read, token, then fields and values. Answers
# whether it did.
DESCRIBE = f"""{REFUSED_WHEN_FULL}{FUNCTIONS}{FOR_CLIENTS}
local id = ARGV[1]
local state, revised, deleting, last = get('state', 'revised', 'deleting', 'describe_token')
if last == ARGV[5] then return 1 end
if not state or deleting == '1' or (revised or '0') ~= ARGV[4] then return 0 end
unlist(id)
redis.call('HSET', record, 'updated_at', ARGV[3], 'describe_token', ARGV[5],
           'revised', next_generation(ARGV[2]), unpack(ARGV, 6))
list(id)
redis.call('ZADD', work, ARGV[2], id)
tell_follower(id)
announce(id)
return 1
"""

# Notes which description the chunks have that searches see. ARGV: document id, their generation, number.
DESCRIBED = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
if get('active_generation') ~= ARGV[2] then return 0 end
return redis.call('HSET', record, 'described', ARGV[3])
"""
