"""Each alert fires when it should, and does not when it should not: in Prometheus' own words, by promtool."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo import debian
from demo.paths import CACHE
from demo.shell import run
from tests.unit.pipelines import AUTOSCALED, MANAGED_LLM, children

OWN = 'namespace="team",pipeline="demo"'
INGEST, EMBED = 'queue="team.demo:ingest"', 'queue="team.demo:embed"'
MINUTES = 100

Series = dict[str, str]
"""Series with one value a minute, as promtool spells them; `$own` stands for the labels of the pipeline."""


@dataclass(frozen=True)
class Case:
    """What makes an alert fire, what it says then and with which labels of its own, and what does not."""

    alert: str
    fires: Series
    says: str
    quiet: Series
    labels: dict[str, str] = field(default_factory=dict)


def condition(name: str, value: int) -> Series:
    return {f'ragpipeline_condition{{$own,type="{name}"}}': f"{value}x120"}


def memory(used: int, limit: int) -> Series:
    return {
        f'redis_memory_bytes{{$own,kind="{kind}"}}': f"{n}x120"
        for kind, n in (("used", used), ("limit", limit))
    }


def volume(claim: str, available: int) -> Series:
    labels = f'namespace="team",persistentvolumeclaim="{claim}"'
    return {
        f"kubelet_volume_stats_available_bytes{{{labels}}}": f"{available}x120",
        f"kubelet_volume_stats_capacity_bytes{{{labels}}}": "100x120",
    }


def started(component: str, values: str) -> Series:
    return {f'process_start_time_seconds{{$own,component="{component}",pod="demo-{component}-x"}}': values}


def first_tokens(within_ten: str) -> Series:
    counts = {"10": within_ten, "20": "0+10x120", "+Inf": "0+10x120"}
    return {f'llm_first_token_seconds_bucket{{$own,le="{le}"}}': values for le, values in counts.items()}


def embedding_pods(wanted: int) -> Series:
    return {'ragpipeline_replicas_wanted{$own,component="embedding"}': f"{wanted}x120"}


def waiting(queue: str, values: str) -> Series:
    """Told by two API pods alike."""
    return {f'queue_entries{{$own,{queue},state="waiting",pod="api-{pod}"}}': values for pod in (1, 2)}


CASES = (
    Case(
        "NotReady",
        condition("Ready", 0),
        "it has not been Ready for 15 minutes.",
        condition("Ready", 1) | condition("LLMReady", 0),
        {"type": "Ready"},
    ),
    Case(
        "NotMeasured",
        condition("Ready", 1),
        "nothing is known of its queues, or of its conditions, so that other alerts are silent.",
        condition("Ready", 1) | waiting(INGEST, "0x120"),
    ),
    Case(
        "QueueOld",
        {f"queue_oldest_age_seconds{{$own,{INGEST}}}": "3600x120"},
        "the oldest job of team.demo:ingest has waited for 1h 0m 0s.",
        {f"queue_oldest_age_seconds{{$own,{INGEST}}}": "600x120"},
        {"queue": "team.demo:ingest"},
    ),
    Case(
        "QueueNotConsumed",
        waiting(EMBED, "5x120") | {f"queue_claims_total{{$own,{EMBED}}}": "7x120"},
        "5 jobs wait in team.demo:embed, and no consumer has asked for one.",
        waiting(EMBED, "5x120") | {f"queue_claims_total{{$own,{EMBED}}}": "0+1x120"},
        {"queue": "team.demo:embed"},
    ),
    Case(
        "DocumentsFail",
        {
            'documents_total{$own,outcome="PDF_CORRUPT"}': "0+1x120",
            'documents_total{$own,outcome="completed"}': "0+1x120",
        },
        "50% of the documents of the last hour failed.",
        {
            'documents_total{$own,outcome="PDF_CORRUPT"}': "0+1x120",
            'documents_total{$own,outcome="completed"}': "0+99x120",
        },
    ),
    Case(
        "QuestionsFail",
        {
            'questions_total{$own,status="error"}': "0+1x120",
            'questions_total{$own,status="success"}': "0+9x120",
        },
        "10% of the questions fail.",
        {
            'questions_total{$own,status="cancelled"}': "0+9x120",
            'questions_total{$own,status="error"}': "0+1x120",
            'questions_total{$own,status="success"}': "0+99x120",
        },
    ),
    Case(
        "VectorStoreAway",
        condition("VectorStoreReady", 0),
        "its vector store has been away for 5 minutes: no question is answered, no document ends.",
        condition("VectorStoreReady", 1),
        {"type": "VectorStoreReady"},
    ),
    Case(
        "RedisMemory",
        memory(used=90, limit=100),
        "Redis uses 90% of its memory; at 100% uploads are refused.",
        memory(used=90, limit=0),
    ),
    Case(
        "RedisAppendOnly",
        {'redis_append_only_failing{$own,step="write"}': "1x120"},
        "Redis could not write its append-only file: what comes in now may be lost.",
        {'redis_append_only_failing{$own,step="write"}': "0x120"},
        {"step": "write"},
    ),
    Case(
        "VolumeFilling",
        volume("demo-objects", 10),
        "volume demo-objects has 10% of its room left.",
        volume("demo-objects", 50) | volume("demo2-objects", 1),
        {"persistentvolumeclaim": "demo-objects"},
    ),
    Case(
        "EmbeddingRestarts",
        started("embedding-b", "1x60 2x9 3x9 4x60"),
        "embedding pod demo-embedding-b-x was started anew 3 times in an hour.",
        started("embedding", "1x60 2x9 3x60") | started("worker", "1x60 2x9 3x9 4x60"),
        {"pod": "demo-embedding-b-x"},
    ),
    Case(
        "ReconcileFails",
        {"ragpipeline_failed_passes{$own}": "7x120"},
        "7 passes of the operator in a row have failed: no change of the spec takes effect.",
        {"ragpipeline_failed_passes{$own}": "4x120"},
    ),
    Case(
        "FirstTokenSlow",
        first_tokens(within_ten="0x120"),
        "one answer in twenty begins after 19.5s or later.",
        first_tokens(within_ten="0+10x120"),
    ),
    Case(
        "AtMaxReplicas",
        embedding_pods(4) | waiting(EMBED, "0+5x120"),
        "all 4 embedding pods run, and their queue still grows.",
        embedding_pods(4) | waiting(EMBED, "1000-5x120"),
    ),
    Case(
        "NotScaled",
        embedding_pods(2) | condition("AutoscalingReady", 0),
        "KEDA does not scale the embedding pods, which stay at 2.",
        embedding_pods(2) | condition("AutoscalingReady", 1),
    ),
)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The alerts of a pipeline that has all of them, as Prometheus reads them."""
    made = children(embedding=AUTOSCALED, llm=MANAGED_LLM)["PrometheusRule", "demo-monitoring"]
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump(made["spec"]))
    return path


async def promtool(*arguments: str) -> str:
    """What Prometheus' own tool says; CommandError if it finds a mistake."""
    tool = await debian.extract("prometheus", "usr/bin/promtool", CACHE / "debian" / "promtool")
    return await run(str(tool), *arguments)


def rule_of(rules: Path, name: str) -> dict[str, Any]:
    (group,) = yaml.safe_load(rules.read_text())["groups"]
    found: dict[str, Any] = next(each for each in group["rules"] if each["alert"] == name)
    return found


async def fires(rules: Path, case: Case, series: Series, expected: list[dict[str, Any]]) -> bool:
    """Whether promtool says that an alert does, after 100 minutes, what is expected."""
    given = [{"series": name.replace("$own", OWN), "values": values} for name, values in series.items()]
    looked = {"eval_time": f"{MINUTES}m", "alertname": f"RagPipeline{case.alert}", "exp_alerts": expected}
    test = {"interval": "1m", "input_series": given, "alert_rule_test": [looked]}
    path = rules.with_name(f"{case.alert}.yaml")
    path.write_text(
        yaml.safe_dump({"rule_files": [rules.name], "evaluation_interval": "1m", "tests": [test]})
    )
    return "SUCCESS" in await promtool("test", "rules", str(path))


async def test_the_rules_are_rules_and_each_has_a_case(rules: Path) -> None:
    assert f"SUCCESS: {len(CASES)} rules found" in await promtool("check", "rules", str(rules))
    (group,) = yaml.safe_load(rules.read_text())["groups"]
    assert {each["alert"] for each in group["rules"]} == {f"RagPipeline{case.alert}" for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
async def test_an_alert_fires_and_says_what_is_wrong(rules: Path, case: Case) -> None:
    rule = rule_of(rules, f"RagPipeline{case.alert}")
    summary = f"RagPipeline team/demo: {case.says}"
    alert = {
        "exp_labels": rule["labels"] | case.labels,
        "exp_annotations": rule["annotations"] | {"summary": summary},
    }
    assert await fires(rules, case, case.fires, [alert])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
async def test_an_alert_is_quiet_while_all_is_well(rules: Path, case: Case) -> None:
    assert await fires(rules, case, case.quiet, [])
