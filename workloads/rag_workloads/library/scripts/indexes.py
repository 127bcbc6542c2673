"""Which indexes there are, from the newest decision of the operator. KEYS: the pipeline's indexes."""

# Writes down a decision, unless a newer one is there; the first one says which index answers. ARGV: its
# number, the id of the index that answers as far as the operator knows, that of the next one or "", then the
# indexes, each as its field and value.
DECIDE = """#!lua
local decided = tonumber(redis.call('HGET', KEYS[1], 'decided') or 0)
if tonumber(ARGV[1]) < decided then return 0 end
redis.call('HSETNX', KEYS[1], 'serving', ARGV[2])
redis.call('HSET', KEYS[1], 'decided', ARGV[1], 'next', ARGV[3], unpack(ARGV, 4))
return 1
"""
