"""How long things may take, in seconds, where two sides must agree."""

# From a question, or a prompt, to the last byte of its answer. Who writes the answer ends it then, and a pod
# that stops is given this long for those that it still writes.
ANSWER_SECONDS = 120
# What the clients of an embedding pod wait for an answer. One that stops is given this long for those that
# still wait, after its batches.
EMBEDDING_SECONDS = 30
# What a readiness check may take, and what a probe waits: longer, so that it hears what the check waited for.
READY_SECONDS = 3
PROBE_SECONDS = READY_SECONDS + 1
