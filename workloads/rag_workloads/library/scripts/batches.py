"""The batches of a generation: they are queued as they are cut, and counted as they are done."""

from rag_workloads.jobs.scripts import ENTER
from rag_workloads.library.scripts import ALLOWED_WHEN_FULL, FUNCTIONS, OWN_KEYS, REFUSED_WHEN_FULL

# Queues batches of a generation, in order, and notes how far it is cut: both or neither, so that the next
# attempt goes on after them. There may be none, after many pages with little text. Only the last attempt to
# take the document up may. Its own keys, and ARGV from the eleventh on, are those of `enter`. ARGV: document
# id, now, time in words, generation, token, number of the first batch, how many there are, the state in which
# the next attempt begins, words to add to those that it knows, and how many chunks there are if these were
# the last, else "". Answers whether it did.
CUT = f"""{REFUSED_WHEN_FULL}{FUNCTIONS}{ENTER}
local generation, state, holder, queued = get('generation', 'state', 'holder', 'batches_queued')
if generation ~= ARGV[4] or not unfinished(state) or holder ~= ARGV[5] then return 0 end
local first, count, chunks = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[10]
queued = tonumber(queued or 0)
if queued ~= first then return queued > first and 1 or 0 end
local own = record .. ':' .. generation
if count == 0 and redis.call('GET', own .. ':cut') == ARGV[8] then return 1 end
enter({OWN_KEYS}, 11)
redis.call('HSET', record, 'batches_queued', first + count, 'updated_at', ARGV[3])
if chunks == '' then
  redis.call('SET', own .. ':cut', ARGV[8])
  redis.call('APPEND', own .. ':words', ARGV[9])
  redis.call('HSET', record, 'attempts', 1, 'attempt_tokens', holder .. ' ')
else
  redis.call('DEL', own .. ':cut', own .. ':words')
  redis.call('HSET', record, 'batches', first + count, 'chunks', chunks, 'stage', 'embedding',
             'cut_at', ARGV[3])
end
redis.call('ZADD', work, ARGV[2], ARGV[1])
announce(ARGV[1])
return 1
"""

# Counts a batch as done, once. ARGV: document id, now, time in words, generation, number, chunks in it.
# Answers -1 where the generation is over, else whether all its batches are done.
BATCH_DONE = f"""{ALLOWED_WHEN_FULL}{FUNCTIONS}
local generation, state, batches = get('generation', 'state', 'batches')
if generation ~= ARGV[4] or not unfinished(state) then return -1 end
local done = record .. ':' .. generation .. ':done'
if redis.call('SADD', done, ARGV[5]) == 1 then redis.call('HINCRBY', record, 'chunks_done', ARGV[6]) end
local count = redis.call('SCARD', done)
redis.call('HSET', record, 'batches_done', count, 'updated_at', ARGV[3])
redis.call('ZADD', work, ARGV[2], ARGV[1])
announce(ARGV[1])
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
