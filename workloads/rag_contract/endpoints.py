"""Where each process listens, and the paths that the operator asks."""

API_PORT = 8000
WORKER_PORT = 8001
EMBEDDING_PORT = 8003
LLM_PORT = 8004

# 200 while the process does its work; a container that fails here is started anew.
LIVE_PATH = "/live"
# 200 while requests can be answered; a pod that fails here gets none.
READY_PATH = "/ready"
# Where the routes of the embedding service are found from outside of the cluster: there it asks for a key.
EMBEDDING_PATH = "/api/v1/embedding"
# The document `rag_contract.stats.Stats`.
STATS_PATH = "/api/v1/stats"
