"""All pipelines beside each other: which of them needs somebody."""

from dashboards.panels import Dashboard, Panel

BY = "by (namespace, pipeline)"
NAME = "{{namespace}}/{{pipeline}}"
RATE = "[$__rate_interval]"


def _sum_of_queues(entries: str) -> str:
    """Each API pod tells the same of the queues."""
    return f"sum {BY} (max by (namespace, pipeline, queue) ({entries}))"


OVERVIEW = Dashboard(
    "overview",
    "RagPipelines",
    "All pipelines beside each other.",
    {
        "Health": (
            Panel(
                "Pipelines",
                "Pipelines that the operator knows.",
                {"": 'count(ragpipeline_condition{$own,type="Ready"})'},
                kind="number",
                width=4,
            ),
            Panel(
                "Not Ready",
                "Pipelines whose condition Ready is not True.",
                {"": 'count(ragpipeline_condition{$own,type="Ready"} == 0) or vector(0)'},
                kind="number",
                width=4,
            ),
            Panel(
                "Alerts that fire",
                "Alerts of pipelines; each names its section of the runbook.",
                {"": 'count(ALERTS{$own,alertname=~"RagPipeline.+",alertstate="firing"}) or vector(0)'},
                kind="number",
                width=4,
            ),
            Panel(
                "Ready",
                "The condition Ready of each pipeline: 1 is True.",
                {NAME: f'max {BY} (ragpipeline_condition{{$own,type="Ready"}})'},
                kind="states",
                width=12,
            ),
        ),
        "Documents": (
            Panel(
                "Documents ended",
                "Documents that ended in a minute, however.",
                {NAME: f"60 * sum {BY} (rate(documents_total{{$own}}{RATE}))"},
            ),
            Panel(
                "Documents that failed",
                "Share of the documents of the last hour that did not complete.",
                {
                    NAME: f'sum {BY} (increase(documents_total{{$own,outcome!="completed"}}[1h]))'
                    f" / sum {BY} (increase(documents_total{{$own}}[1h]))"
                },
                unit="percentunit",
            ),
            Panel(
                "Documents that searches find",
                "Documents of the index that answers.",
                {
                    NAME: f"sum {BY} (max by (namespace, pipeline, state)"
                    ' (library_documents{$own,state="completed"}))'
                },
            ),
            Panel(
                "Jobs that wait",
                "Documents and batches that nobody has taken up yet.",
                {NAME: _sum_of_queues('queue_entries{$own,state="waiting"}')},
            ),
            Panel(
                "Oldest job",
                "For how long the job that waits longest might have been taken.",
                {NAME: f"max {BY} (queue_oldest_age_seconds{{$own}})"},
                unit="s",
            ),
            Panel(
                "Embedding pods",
                "Embedding pods that are ready.",
                {NAME: f'sum {BY} (ragpipeline_replicas_ready{{$own,component="embedding"}})'},
            ),
        ),
        "Questions": (
            Panel(
                "Questions",
                "Questions in a minute, however they ended.",
                {NAME: f"60 * sum {BY} (rate(questions_total{{$own}}{RATE}))"},
            ),
            Panel(
                "Questions that failed",
                "Share of questions of the last hour that ended with an error of ours.",
                {
                    NAME: f'sum {BY} (increase(questions_total{{$own,status="error"}}[1h]))'
                    f' / sum {BY} (increase(questions_total{{$own,status=~"error|success"}}[1h]))'
                },
                unit="percentunit",
            ),
            Panel(
                "Time to the first token",
                "Within which 95 of 100 streamed answers of the last hour began.",
                {
                    NAME: "histogram_quantile(0.95, sum by (namespace, pipeline, le)"
                    " (increase(llm_first_token_seconds_bucket{$own}[1h])))"
                },
                unit="s",
            ),
        ),
    },
)
