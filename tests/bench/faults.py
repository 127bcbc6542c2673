"""Every fault of the operator and its API server, one a trial, against a bare API server."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from demo.paths import ROOT
from demo.steps import Steps

from tests.cluster.api_server import api_server
from tests.cluster.faults.campaign import Campaign, by_kind, summary, table
from tests.cluster.faults.trials import Trials
from tests.cluster.kube import Kube, established

WRITES = 40
INHERITED_WRITES = (1, 4, 12, 25, 40)
SLOW_SECONDS = 2.0
AT_ONCE = 6


def measure(steps: Steps, writes: int = WRITES) -> dict[str, Any]:
    """Returns the figures of docs/benchmarks/faults.json."""
    with tempfile.TemporaryDirectory() as folder:
        (control := Path(folder, "control-plane")).mkdir()
        (logs := Path(folder, "operators")).mkdir()
        with api_server(control) as kubeconfig:
            kube = Kube(kubeconfig)
            kube("apply", "--server-side", "-f", str(ROOT / "crds"))
            established(kube, "ragpipelines.ragpipeline.dev")
            campaign = Campaign(range(1, writes + 1), INHERITED_WRITES, SLOW_SECONDS, AT_ONCE)
            with steps.step("Kill the operator, harm its requests, touch its children") as step:
                outcomes = asyncio.run(campaign.run(Trials(kubeconfig, logs), step.say))
    steps.console.print(table(outcomes))
    for each in outcomes:
        if not each.recovered:
            steps.console.print(f"Not recovered: {each}", markup=False, soft_wrap=True)
    return {**summary(outcomes), "by_kind": by_kind(outcomes)}
