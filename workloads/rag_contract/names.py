"""What a pipeline's things are called in Redis."""


def pipeline_id(namespace: str, name: str) -> str:
    """What every key of a pipeline starts with."""
    return f"{namespace}.{name}"


def ingest_queue(pipeline: str) -> str:
    """The sorted set of documents to process."""
    return f"{pipeline}:ingest"


def embed_queue(pipeline: str) -> str:
    """The sorted set of batches to embed; KEDA counts it."""
    return f"{pipeline}:embed"
