"""One pipeline, as a document goes through it, and a question."""

from dashboards.panels import Dashboard, Panel

RATE = "[$__rate_interval]"
WINDOW = "[10m]"


def _quantile(most: float, metric: str, by: str = "", window: str = WINDOW) -> str:
    """Within which so many of what a histogram has seen lately were done."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({most}, sum by ({labels}) (increase({metric}_bucket{{$own}}{window})))"


def _mean(metric: str) -> str:
    return f"sum(increase({metric}_sum{{$own}}{WINDOW})) / sum(increase({metric}_count{{$own}}{WINDOW}))"


def _per_minute(counter: str, by: str) -> str:
    return f"60 * sum by ({by}) (rate({counter}{{$own}}{RATE}))"


HEALTH = (
    Panel(
        "Conditions",
        "What `kubectl describe` shows, over time: 1 is True.",
        {"{{type}}": "max by (type) (ragpipeline_condition{$own})"},
        kind="states",
        width=12,
    ),
    Panel(
        "Pods that are ready",
        "Of each part; those of a second index are counted with the first.",
        {"{{component}}": "max by (component) (ragpipeline_replicas_ready{$own})"},
        width=6,
    ),
    Panel(
        "Alerts that fire",
        "Each names its section of the runbook.",
        {"": 'count(ALERTS{$own,alertname=~"RagPipeline.+",alertstate="firing"}) or vector(0)'},
        kind="number",
        width=6,
    ),
)
INGESTION = (
    Panel(
        "Documents",
        "Documents of the index that answers, by state.",
        {"{{state}}": "max by (state) (library_documents{$own})"},
    ),
    Panel(
        "Documents ended",
        "In a minute, by how they ended: completed, or the code of an error.",
        {"{{outcome}}": _per_minute("documents_total", "outcome")},
    ),
    Panel(
        "Time to searchable",
        "From upload until searches found the document: half of them, and 95 of 100, in ten minutes.",
        {
            "half": _quantile(0.5, "document_searchable_seconds"),
            "95 of 100": _quantile(0.95, "document_searchable_seconds"),
        },
        unit="s",
    ),
    Panel(
        "Time in each stage",
        "Within which 95 of 100 documents passed it.",
        {"{{stage}}": _quantile(0.95, "document_stage_seconds", "stage")},
        unit="s",
    ),
    Panel(
        "Jobs",
        "Entries of both queues: those that wait, run, or are deferred to a later try.",
        {"{{queue}} {{state}}": "max by (queue, state) (queue_entries{$own})"},
    ),
    Panel(
        "Oldest job",
        "For how long the job that waits longest might have been taken.",
        {"{{queue}}": "max by (queue) (queue_oldest_age_seconds{$own})"},
        unit="s",
    ),
    Panel(
        "Jobs run again",
        "In a minute: tried again after an error, or taken over from a pod that was lost.",
        {
            "{{queue}} tried again": _per_minute("queue_retries_total", "queue"),
            "{{queue}} taken over": _per_minute("queue_leases_expired_total", "queue"),
        },
    ),
    Panel(
        "Pages read",
        "In a minute.",
        {"pages": f"60 * sum(rate(pages_parsed_total{{$own}}{RATE}))"},
    ),
    Panel(
        "What the last comparison of the stores found",
        "Files and points that no record names, and records that lack some. All of it is mended by itself.",
        {"{{kind}}": "max by (kind) (library_sweep_found{$own})"},
    ),
)
EMBEDDING = (
    Panel(
        "Pods and what waits for them",
        "KEDA asks for pods by the batches that wait and run.",
        {
            "pods wanted": 'max(ragpipeline_replicas_wanted{$own,component="embedding"})',
            "pods ready": 'max(ragpipeline_replicas_ready{$own,component="embedding"})',
            "batches": 'sum(max by (queue, state) (queue_entries{$own,queue=~".+:embed"}))',
        },
    ),
    Panel(
        "Chunks embedded",
        "In a second, by pod: an even load has lines side by side.",
        {"{{pod}}": f"sum by (pod) (rate(chunks_embedded_total{{$own}}{RATE}))"},
    ),
    Panel(
        "Batches",
        "In a minute, by how they ended.",
        {"{{outcome}}": _per_minute("embedding_batches_total", "outcome")},
    ),
    Panel(
        "Time of a batch",
        "Within which 95 of 100 batches were embedded, and written to the vector store.",
        {"{{step}}": _quantile(0.95, "embedding_batch_duration_seconds", "step")},
        unit="s",
    ),
    Panel(
        "Time of an inference",
        "Half of them, and 95 of 100.",
        {
            "half": _quantile(0.5, "embedding_inference_seconds"),
            "95 of 100": _quantile(0.95, "embedding_inference_seconds"),
        },
        unit="s",
    ),
    Panel(
        "Texts in an inference",
        "On average: few texts at a time use the model badly.",
        {"texts": _mean("embedding_inference_texts")},
    ),
    Panel(
        "Padding",
        "Share of what the model read that was no text.",
        {
            "padding": f'sum(increase(embedding_inference_tokens_total{{$own,kind="padding"}}{WINDOW}))'
            f" / sum(increase(embedding_inference_tokens_total{{$own}}{WINDOW}))"
        },
        unit="percentunit",
    ),
    Panel(
        "Texts that wait, by lane",
        "Questions have a lane of their own, ahead of documents.",
        {"{{lane}}": "sum by (lane) (embedding_lane_texts{$own})"},
    ),
    Panel(
        "Time in a lane",
        "Within which 95 of 100 texts began to be embedded.",
        {"{{lane}}": _quantile(0.95, "embedding_lane_wait_seconds", "lane")},
        unit="s",
    ),
)
QUESTIONS = (
    Panel(
        "Questions",
        "In a minute, by how they ended.",
        {"{{status}}": _per_minute("questions_total", "status")},
    ),
    Panel(
        "Time of each step",
        "Within which 95 of 100 questions passed it.",
        {"{{stage}}": _quantile(0.95, "question_stage_seconds", "stage")},
        unit="s",
    ),
    Panel(
        "Time to the first token",
        "From the request to the language model: half of the streamed answers, and 95 of 100.",
        {
            "half": _quantile(0.5, "llm_first_token_seconds"),
            "95 of 100": _quantile(0.95, "llm_first_token_seconds"),
        },
        unit="s",
    ),
    Panel(
        "Tokens",
        "In a second, that the language model read (in) and wrote (out).",
        {"{{direction}}": f"sum by (direction) (rate(llm_tokens_total{{$own}}{RATE}))"},
    ),
    Panel(
        "Citations of an answer",
        "On average.",
        {"citations": _mean("question_citations")},
    ),
    Panel(
        "HTTP requests",
        "In a second, to all services, by status.",
        {"{{component}} {{status}}": f"sum by (component, status) (rate(http_requests_total{{$own}}{RATE}))"},
    ),
)
STORES = (
    Panel(
        "Redis' memory",
        "What is used, and the limit at which uploads are refused.",
        {"{{kind}}": "max by (kind) (redis_memory_bytes{$own})"},
        unit="bytes",
    ),
    Panel(
        "Room on the volumes",
        "Share that is free, by the kubelet; it tells of volumes that are file systems or local folders.",
        {
            "{{persistentvolumeclaim}}": "min by (persistentvolumeclaim) ("
            + " / ".join(
                f'kubelet_volume_stats_{what}_bytes{{namespace=~"$namespace",'
                'persistentvolumeclaim=~"$pipeline-(redis-data|qdrant-data|objects)"}'
                for what in ("available", "capacity")
            )
            + ")"
        },
        unit="percentunit",
    ),
    Panel(
        "Memory of the services",
        "By part, all its pods together.",
        {"{{component}}": "sum by (component) (process_resident_memory_bytes{$own})"},
        unit="bytes",
    ),
)
PIPELINE = Dashboard(
    "pipeline",
    "RagPipeline",
    "One pipeline: its documents, its embedding pods and how they are scaled, its questions, its stores.",
    {
        "Health": HEALTH,
        "Ingestion": INGESTION,
        "Embedding and scaling": EMBEDDING,
        "Questions": QUESTIONS,
        "Stores": STORES,
    },
    single=True,
)
