"""Which indexes there are, from the newest decision of the operator.

All go on at `maxmemory`, where an index that is wanted no more must be dropped. KEYS: the pipeline's indexes.
"""

# Writes down a decision, unless a newer one is there; the first one says which index answers. ARGV: its
# number, the id of the index that answers as far as the operator knows, that of the next one or "", then the
# indexes, each as its field and value.
DECIDE = """#!lua flags=allow-oom
local decided = tonumber(redis.call('HGET', KEYS[1], 'decided') or 0)
if tonumber(ARGV[1]) < decided then return 0 end
redis.call('HSETNX', KEYS[1], 'serving', ARGV[2])
redis.call('HSET', KEYS[1], 'decided', ARGV[1], 'next', ARGV[3], unpack(ARGV, 4))
return 1
"""

# Begins to drop an index: its records take nothing in any more, and the one that answers notes no changes for
# it. More keys: what keeps its records closed, who follows the one that answers, what has changed there.
# ARGV: its id, now, seconds for which its records stay closed.
CLOSE = """#!lua flags=allow-oom
local indexes, closed, followed, changed = unpack(KEYS)
redis.call('SET', closed, 'dropped', 'EX', ARGV[3])
redis.call('HSETNX', indexes, 'dropped:' .. ARGV[1], ARGV[2])
if redis.call('GET', followed) == ARGV[1] then redis.call('DEL', followed, changed) end
"""
