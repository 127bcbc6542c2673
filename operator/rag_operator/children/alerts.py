"""The alerts of a pipeline, each with what it looks at, for how long, and what to do about it.

`docs/runbook.md` has a section for each. In an expression `$own` stands for the labels that all series of the
pipeline have: those of its pods by its PodMonitor, those of the operator by themselves. What an API pod tells
of the queues, every other one tells too, so that the `max` is taken. Of the volumes kubelets tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from string import Template
from typing import Literal

from rag_operator.children.site import Site
from rag_operator.names import Manifest

PREFIX = "RagPipeline"
# A consumer whose slots are all taken asks for nothing, for as long as its documents take.
SILENT_MINUTES = 15


@dataclass(frozen=True)
class Alert:
    """One alert: it fires when its expression has had a result for so many minutes."""

    name: str
    severity: Literal["warning", "critical"]
    minutes: int
    expr: str
    summary: str
    action: str


ALWAYS = (
    Alert(
        "NotReady",
        "critical",
        15,
        'ragpipeline_condition{$own,type="Ready"} == 0',
        "it has not been Ready for 15 minutes.",
        "Read the message of its condition Ready: kubectl describe ragpipeline.",
    ),
    Alert(
        "NotMeasured",
        "warning",
        15,
        'absent(queue_entries{$own}) or absent(ragpipeline_condition{$own,type="Ready"})',
        "nothing is known of its queues, or of its conditions, so that other alerts are silent.",
        "See that Prometheus reaches the API's and the operator's pods, and the API its Redis.",
    ),
    Alert(
        "QueueOld",
        "warning",
        5,
        "max by (queue) (queue_oldest_age_seconds{$own}) > 1800",
        "the oldest job of {{ $labels.queue }} has waited for {{ $value | humanizeDuration }}.",
        "Give the pods of that queue more replicas or CPU, or wait until what was uploaded is done.",
    ),
    Alert(
        "QueueNotConsumed",
        "critical",
        5,
        'max by (queue) (queue_entries{$own,state="waiting"}) > 0'
        " unless on (queue) sum by (queue) (increase(queue_claims_total{$own}[${silent}m])) > 0",
        "{{ $value }} jobs wait in {{ $labels.queue }}, and no consumer has asked for one.",
        "Look at the pods that take from that queue: they are gone, hang, or wait for a store.",
    ),
    Alert(
        "DocumentsFail",
        "warning",
        5,
        'sum(increase(documents_total{$own,outcome!="completed"}[1h]))'
        " / sum(increase(documents_total{$own}[1h])) > 0.1"
        ' and sum(increase(documents_total{$own,outcome!="completed"}[1h])) > 5',
        "{{ $value | humanizePercentage }} of the documents of the last hour failed.",
        "List them by their code: GET /api/v1/documents?state=failed.",
    ),
    Alert(
        "QuestionsFail",
        "critical",
        5,
        'sum(rate(questions_total{$own,status="error"}[10m]))'
        ' / sum(rate(questions_total{$own,status=~"error|success"}[10m])) > 0.05'
        ' and sum(increase(questions_total{$own,status="error"}[10m])) > 3',
        "{{ $value | humanizePercentage }} of the questions fail.",
        "GET /health names the part that is away; the API's log has each failure.",
    ),
    Alert(
        "VectorStoreAway",
        "critical",
        5,
        'ragpipeline_condition{$own,type="VectorStoreReady"} == 0',
        "its vector store has been away for 5 minutes: no question is answered, no document ends.",
        "Read the message of its condition VectorStoreReady, then the log of Qdrant.",
    ),
    Alert(
        "RedisMemory",
        "warning",
        5,
        'max(redis_memory_bytes{$own,kind="used"}) / (max(redis_memory_bytes{$own,kind="limit"}) > 0) > 0.85',
        "Redis uses {{ $value | humanizePercentage }} of its memory; at 100% uploads are refused.",
        "Raise the memory limit of queue.managed.resources, or delete documents.",
    ),
    Alert(
        "RedisAppendOnly",
        "critical",
        1,
        "max by (step) (redis_append_only_failing{$own}) == 1",
        "Redis could not {{ $labels.step }} its append-only file: what comes in now may be lost.",
        "See that Redis' volume has room, and that its disk works.",
    ),
    Alert(
        "VolumeFilling",
        "warning",
        5,
        'kubelet_volume_stats_available_bytes{namespace="$namespace",persistentvolumeclaim=~"$claims"}'
        ' / kubelet_volume_stats_capacity_bytes{namespace="$namespace",persistentvolumeclaim=~"$claims"}'
        " < 0.15",
        "volume {{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} of its room left.",
        "Raise the size of the volume in the spec, where its StorageClass lets it grow.",
    ),
    Alert(
        "EmbeddingRestarts",
        "warning",
        0,
        'max by (pod) (changes(process_start_time_seconds{$own,component=~"embedding(-b)?"}[1h])) > 2',
        "embedding pod {{ $labels.pod }} was started anew {{ $value }} times in an hour.",
        "kubectl describe pod says how it ended; OOMKilled asks for more memory.",
    ),
    Alert(
        "ReconcileFails",
        "warning",
        5,
        "ragpipeline_failed_passes{$own} > 4",
        "{{ $value }} passes of the operator in a row have failed: no change of the spec takes effect.",
        "The operator's log has the error; most often the API server refuses or does not answer.",
    ),
)
WITH_MODEL = (
    Alert(
        "FirstTokenSlow",
        "warning",
        10,
        "histogram_quantile(0.95, sum by (le) (rate(llm_first_token_seconds_bucket{$own}[10m]))) > 10",
        "one answer in twenty begins after {{ $value | humanizeDuration }} or later.",
        "Give the language model more replicas, CPU or a GPU, or shorten retrieval.contextCharacters.",
    ),
)
WITH_AUTOSCALING = (
    Alert(
        "AtMaxReplicas",
        "warning",
        15,
        'max(ragpipeline_replicas_wanted{$own,component="embedding"}) >= $most'
        ' and max(deriv(queue_entries{$own,queue=~".+:embed",state="waiting"}[30m])) > 0',
        "all {{ $value }} embedding pods run, and their queue still grows.",
        "Raise embedding.managed.autoscaling.maxReplicas, if the nodes have room.",
    ),
    Alert(
        "NotScaled",
        "warning",
        10,
        'max(ragpipeline_replicas_wanted{$own,component="embedding"})'
        ' and max(ragpipeline_condition{$own,type="AutoscalingReady"}) == 0',
        "KEDA does not scale the embedding pods, which stay at {{ $value }}.",
        "Read the message of its condition AutoscalingReady: KEDA is missing, or cannot read the queue.",
    ),
)


def alerts(site: Site) -> Iterator[Alert]:
    """Yield the alerts that make sense for a pipeline; none while it is suspended."""
    if site.spec.suspend:
        return
    yield from ALWAYS
    if site.spec.llm:
        yield from WITH_MODEL
    if site.spec.autoscaling:
        yield from WITH_AUTOSCALING


def rules(site: Site) -> list[Manifest]:
    """Return the alerts as Prometheus reads them."""
    metadata, runbook = site.pipeline.metadata, site.settings.runbook_url
    own = {"namespace": metadata.namespace, "pipeline": metadata.name}
    values = {
        **own,
        "own": ",".join(f'{label}="{value}"' for label, value in own.items()),
        "claims": f"{metadata.name}-(redis-data|qdrant-data|objects)",
        "silent": max(SILENT_MINUTES, 2 * site.spec.ingestion.time_limit_seconds // 60),
        "most": site.spec.autoscaling.max_replicas if site.spec.autoscaling else None,
    }
    return [
        {
            "alert": (name := f"{PREFIX}{alert.name}"),
            "expr": Template(alert.expr).substitute(values),
            "for": f"{alert.minutes}m",
            "labels": {"severity": alert.severity, **own},
            "annotations": {
                "summary": f"RagPipeline {metadata.namespace}/{metadata.name}: {alert.summary}",
                "description": alert.action,
                **({"runbook_url": f"{runbook}#{name.lower()}"} if runbook else {}),
            },
        }
        for alert in alerts(site)
    ]
