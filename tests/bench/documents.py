"""A thousand documents through processes that are killed, restarted and cut off; and what a queue costs."""

import tempfile
from pathlib import Path

from demo.steps import Steps

from rag_standins.models.minilm import write_minilm
from tests.bench.queue_costs import commands_per_batch, recovery_ms
from tests.bench.worker_memory import peak_mib
from tests.durability import corpus
from tests.durability.local_site import local_site
from tests.durability.prove import Outcome, Plan, prove

DOCUMENTS = 1000
PLAN = Plan(kills=40, away_seconds=360)


async def measure(steps: Steps, documents: int = DOCUMENTS) -> dict[str, object]:
    """Returns the figures of docs/benchmarks/documents.json."""
    with steps.step("Redis' commands for a batch") as step:
        commands = await commands_per_batch()
        step.log(f"{commands:.1f}")
    with steps.step("One pass of recovery") as step:
        recovery = await recovery_ms()
        step.log(f"{recovery:.0f} ms")
    memory = {}
    for pages in (10, 5000):
        with steps.step(f"A worker's memory for {pages} pages") as step:
            memory[f"worker_rss_{pages}_pages_mib"] = await peak_mib(pages)
            step.log(f"{memory[f'worker_rss_{pages}_pages_mib']} MiB")
    outcome = await prove_locally(steps, documents)
    return {
        "documents": outcome.documents,
        "completed": outcome.completed,
        "lost": len(outcome.findings.lost),
        "repeated_chunks": len(outcome.findings.repeated),
        "orphans": len(outcome.findings.orphans),
        "answers_apart": len(outcome.answers_apart),
        "redis_commands_per_batch": round(commands, 1),
        **memory,
        "recovery_ms_10000_waiting": round(recovery),
        "wrong": outcome.wrong,
    }


async def prove_locally(steps: Steps, documents: int) -> Outcome:
    """Runs the whole proof on local processes."""
    with tempfile.TemporaryDirectory() as name:
        site_folder, model = Path(name, "site"), Path(name, "model")
        site_folder.mkdir()
        model.mkdir()
        write_minilm(model)
        files = await corpus.documents(documents)
        async with local_site(site_folder, model) as (site, client):
            return await prove(site, client, files, PLAN, steps)
