"""What the demo says at its end, of the metrics that services tell."""

from demo.said import of_the_api, of_the_operator
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

API = """
library_documents{state="completed"} 61
library_documents{state="failed"} 2
queue_entries{queue="a:ingest",state="waiting"} 3
queue_entries{queue="a:embed",state="waiting"} 4
queue_entries{queue="a:embed",state="running"} 5
questions_total{status="success"} 3
questions_total{status="error"} 1
question_citations_sum 6
question_citations_count 3
question_stage_seconds_sum{stage="retrieval"} 0.3
question_stage_seconds_count{stage="retrieval"} 3
question_stage_seconds_sum{stage="generation"} 6
question_stage_seconds_count{stage="generation"} 3
"""
OPERATOR = """
ragpipeline_operator_reconciles_total{result="success"} 40
ragpipeline_operator_reconciles_total{result="error"} 2
ragpipeline_operator_reconcile_duration_seconds_sum 2.1
ragpipeline_operator_reconcile_duration_seconds_count 42
ragpipeline_condition{namespace="team",pipeline="demo",type="Ready"} 1
ragpipeline_condition{namespace="team",pipeline="demo",type="LLMReady"} 0
"""


def samples(text: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def test_documents_jobs_and_questions_are_told() -> None:
    documents, questions = of_the_api(samples(API))
    assert documents == "61 documents stored, 2 failed; 7 jobs wait"
    assert questions == (
        "3 questions answered, 1 failed; on average 2.0 citations,"
        " 0.10 s to find the passages and 2.0 s to write"
    )


def test_passes_and_conditions_are_told() -> None:
    (line,) = of_the_operator(samples(OPERATOR))
    assert line == "42 passes of the operator, 50 ms on average; 1 of 2 conditions are True"


def test_nothing_measured_is_no_error() -> None:
    assert [line.startswith("0 ") for line in (*of_the_api([]), *of_the_operator([]))] == [True] * 3
