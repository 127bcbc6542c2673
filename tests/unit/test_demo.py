"""The demo's own pure parts: what it shows, what it counts, and its questions."""

import io
import json
from pathlib import Path

import pytest
from demo import corpus
from demo.ingest import bar
from demo.pipeline import Replicas
from demo.questions import Answer, Question
from demo.spike import Sample, Spike
from demo.steps import Steps
from rich.console import Console
from tests.documents import small_pdf

from rag_cli.answers import Failure
from rag_contract.stats import QueueStats


def sample(seconds: float, ready: int, depth: int = 0, completed: int = 0) -> Sample:
    return Sample(seconds, QueueStats(ingest=0, embed=depth), Replicas(ready, ready), completed, failed=0)


def test_spike_figures_come_from_its_samples() -> None:
    spike = Spike([sample(0, 1), sample(5, 3, 90), sample(9, 4, 40, 1), sample(12, 2, 0, 2)])
    assert (spike.peak, spike.deepest) == (4, 90)
    assert spike.to_third_pod_seconds == 5


def test_spike_without_a_third_pod_has_no_time_for_it() -> None:
    assert Spike([sample(0, 1), sample(1, 2)]).to_third_pod_seconds is None


@pytest.mark.parametrize(("value", "shown"), [(0, "░░░░"), (5, "██░░"), (20, "████")])
def test_bar_fills_in_proportion(value: float, shown: str) -> None:
    assert bar(value, 10, width=4) == shown


def test_failure_is_described_with_its_page() -> None:
    error = Failure(code="PDF_CORRUPT", message="Page 2 cannot be read.", page=2, hint="Repair it.")
    assert str(error) == "PDF_CORRUPT (page 2): Page 2 cannot be read. Repair it."


def test_answer_without_citations_names_no_page() -> None:
    assert not Answer(Question(question="?", pages=[1], quote="!"), [], [], 0, 0).right_page


def test_steps_are_timed_and_written(tmp_path: Path) -> None:
    output = io.StringIO()
    steps = Steps(Console(file=output))
    with steps.step("First") as step:
        step.log("a line")
    with pytest.raises(ValueError, match="broken"), steps.step("Second"):
        raise ValueError("broken")
    steps.write(tmp_path / "timings.json", pods=3)
    seconds, *ends = [line.split()[0] for line in output.getvalue().splitlines() if "s  " in line]
    assert float(seconds) >= 0
    assert ends == ["✓", "✗"]
    written = json.loads((tmp_path / "timings.json").read_text())
    assert list(written["steps"]) == ["First", "Second"]
    assert written["pods"] == 3


async def test_parts_are_distinct_and_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manual = small_pdf(tmp_path / "manual.pdf", *(f"Page {number}." for number in range(60)))
    made = []
    for folder in ("first", "second"):
        monkeypatch.setattr(corpus, "CACHE", tmp_path / folder)
        (tmp_path / folder / "corpus").mkdir(parents=True)
        made.append([path.read_bytes() for path in await corpus.parts(manual, 5)])
    assert len(set(made[0])) == 5
    assert made[0] == made[1]
