"""The operator itself: whether it keeps up with what it has to do, and with what success."""

from dashboards.panels import Dashboard, Panel

RATE = "[$__rate_interval]"
BY = "by (namespace, pipeline)"
CONDITION = "ragpipeline_condition{$own}"
# What every Python process tells of itself has no other name for the operator.
PROCESS = '{container="operator",pipeline=""}'

OPERATOR = Dashboard(
    "operator",
    "RagPipeline operator",
    "The operator's passes over pipelines, and what it does in them.",
    {
        "Passes": (
            Panel(
                "Passes",
                "In a minute, by result.",
                {"{{result}}": f"60 * sum by (result) (rate(ragpipeline_operator_reconciles_total{RATE}))"},
            ),
            Panel(
                "Time of a pass",
                "Half of them, and 95 of 100.",
                {
                    name: f"histogram_quantile({most}, sum by (le)"
                    f" (rate(ragpipeline_operator_reconcile_duration_seconds_bucket{RATE})))"
                    for name, most in (("half", 0.5), ("95 of 100", 0.95))
                },
                unit="s",
            ),
            Panel(
                "Pipelines that wait for a pass",
                "Near zero, unless the operator or the API server is slow.",
                {"waiting": f"max(max_over_time(ragpipeline_operator_queue_depth{RATE}))"},
            ),
            Panel(
                "Passes in a row that failed",
                "By pipeline; five call somebody.",
                {
                    "{{namespace}}/{{pipeline}}": f"max {BY} (ragpipeline_failed_passes{{$own}})"
                    # Of one whose passes succeed there is no number.
                    f' or 0 * max {BY} (ragpipeline_condition{{$own,type="Ready"}})'
                },
            ),
            Panel(
                "What was done",
                "Objects that were applied or deleted in a minute, by kind. Steady work with no change of a"
                " spec means that somebody else writes to them.",
                {
                    "{{verb}} {{kind}}": "60 * sum by (verb, kind)"
                    f" (rate(ragpipeline_operator_actions_total{RATE}))"
                },
            ),
            Panel(
                "Conditions that are not True",
                "By type, over all pipelines that are chosen.",
                {"{{type}}": f"count by (type) ({CONDITION}) - sum by (type) ({CONDITION})"},
            ),
        ),
        "Process": (
            Panel(
                "CPU",
                "Cores.",
                {"operator": f"sum(rate(process_cpu_seconds_total{PROCESS}{RATE}))"},
                width=12,
            ),
            Panel(
                "Memory",
                "Resident.",
                {"operator": f"sum(process_resident_memory_bytes{PROCESS})"},
                unit="bytes",
                width=12,
            ),
        ),
    },
)
