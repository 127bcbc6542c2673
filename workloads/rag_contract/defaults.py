"""What a pipeline does where its resource says nothing: the defaults of the spec, and of each process."""

from rag_contract.retrieval import Mode

UPLOAD_LIMIT_MIB = 100

CHUNK_SIZE_TOKENS = 200
CHUNK_OVERLAP_TOKENS = 40
BATCH_CHUNKS = 32
# Fewer would leave pods waiting for the next batch; autoscaling may ask for more.
MAX_BATCHES_IN_FLIGHT = 64
# Of those batches together, where nothing is known of Redis' memory.
MAX_BYTES_IN_FLIGHT = 64 << 20
RETRIES = 3
RETRY_DELAY_SECONDS = 60
TIME_LIMIT_SECONDS = 300

INDEX_GRACE_SECONDS = 300

WORKER_CONCURRENCY = 1
EMBEDDING_CONCURRENCY = 4
BATCH_TIMEOUT_SECONDS = 60

RETRIEVAL_TOP_K = 5
RETRIEVAL_SCORE_THRESHOLD = 0
RETRIEVAL_MODE: Mode = "hybrid"
RETRIEVAL_CANDIDATES = 50
RERANK_BATCH = 32
RERANK_SECONDS = 2
CONTEXT_CHARACTERS = 2000
ANSWER_MAX_TOKENS = 256
ANSWER_TEMPERATURE = 0
