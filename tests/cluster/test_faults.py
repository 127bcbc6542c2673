"""A sample of the faults that `make bench NAME=faults` tries in full."""

import asyncio
from pathlib import Path

from rich.console import Console

from tests.cluster.faults.campaign import ACTS, Campaign, table
from tests.cluster.faults.trials import Trials
from tests.cluster.kube import Kube

SAMPLE = Campaign(writes=(1, 4, 17, 33), inherited_writes=(4,), slow_seconds=0.2, at_once=4)


def test_a_fault_leaves_a_pipeline_as_an_undisturbed_run_does(alone: Kube, tmp_path: Path) -> None:
    outcomes = asyncio.run(SAMPLE.run(Trials(alone.kubeconfig, tmp_path)))
    Console(width=110).print(table(outcomes))
    assert [each for each in outcomes if not each.recovered] == []
    killed = {each.kind for each in outcomes if each.fault.startswith("killed")}
    assert killed == {*ACTS, *(f"{act}, with an heir" for act in ACTS)}
    assert len(outcomes) >= 34
