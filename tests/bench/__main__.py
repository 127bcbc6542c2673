"""Command line of the benchmarks: `python -m tests.bench demo|test [--cold]`, or the name of another."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from demo.steps import Steps
from demo.target import LocalCluster

from tests.bench import at_rest, demo_runs, document_api, documents, faults, ingest, record, sight, suite
from tests.bench.operator import measure as operator
from tests.bench.page import render
from tests.bench.parsing import measure as parsing
from tests.bench.retrieval import measure as retrieval
from tests.bench.retrieval import xquad

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command("demo")
def demo_command(
    cold: Annotated[bool, typer.Option(help="Also run it with no caches.")] = False,
) -> None:
    """Times the demo and the local processes, and weighs what then runs."""
    if cold:
        record.write("cold", asyncio.run(demo_runs.cold()))
    record.write("demo", asyncio.run(_demo()))
    render()


@app.command("test")
def suite_command(
    cold: Annotated[bool, typer.Option(help="With no caches; else with all that is built.")] = False,
) -> None:
    """Times `make test`, level by level."""
    if cold:
        record.write("test-cold", asyncio.run(suite.cold()))
    else:
        record.write("test-warm", asyncio.run(suite.warm()))
    render()


@app.command("ingest")
def ingest_command(rounds: Annotated[int, typer.Option(min=1)] = ingest.ROUNDS) -> None:
    """Measures end-to-end ingest against the raw engine."""
    record.write("ingest", asyncio.run(ingest.measure(Steps(), rounds)).figures())
    render()


@app.command("documents")
def documents_command(count: Annotated[int, typer.Option(min=40)] = documents.DOCUMENTS) -> None:
    """Proves that nothing is lost under faults, and measures what the queue and a worker cost."""
    record.write("documents", asyncio.run(documents.measure(Steps(), count)))
    render()


@app.command("document-api")
def document_api_command(records: Annotated[int, typer.Option(min=100)] = document_api.RECORDS) -> None:
    """Times lists of many documents, and counts pages that are read again and events that are missed."""
    record.write("document-api", asyncio.run(document_api.measure(Steps(), records)))
    render()


@app.command("operator")
def operator_command(pipelines: Annotated[int, typer.Option(min=20)] = operator.PIPELINES) -> None:
    """Measures what hundreds of pipelines cost the operator, made, changed, at rest, and after a restart."""
    record.write("operator", asyncio.run(operator.measure(Steps(), pipelines)))
    render()


@app.command("sight")
def sight_command() -> None:
    """Counts the panels that show data, and the alerts that fire when something breaks."""
    record.write("sight", asyncio.run(sight.measure(Steps())))
    render()


@app.command("retrieval")
def retrieval_command(
    folder: Annotated[Path, typer.Option("--xquad", help="Folder with XQuAD.")] = xquad.FOLDER,
    speed: Annotated[bool, typer.Option(help="Only how quickly; the other figures stay.")] = False,
) -> None:
    """Measures by questions with known answers how well and how quickly passages are found and quoted."""
    if speed:
        figures = asyncio.run(retrieval.speed(Steps())) | {"speed_commit": record.provenance()["commit"]}
        record.write("retrieval", record.read("retrieval") | figures)
    else:
        record.write("retrieval", asyncio.run(retrieval.measure(Steps(), folder)))
    render()


@app.command("parsing")
def parsing_command() -> None:
    """Measures how well the structure and the scans of printed pages are read, and how fast."""
    record.write("parsing", asyncio.run(parsing.measure(Steps())))
    render()


@app.command("faults")
def faults_command(writes: Annotated[int, typer.Option(min=1)] = faults.WRITES) -> None:
    """Kills the operator around each of its first writes, and harms its requests and its children."""
    record.write("faults", faults.measure(Steps(), writes))
    render()


async def _demo() -> dict[str, object]:
    """Returns all figures of the demo; the cold ones and the efficiency are those measured last."""
    local = await demo_runs.local()
    warm = await demo_runs.warm()
    demo = warm["demo"]
    cluster = LocalCluster()
    await cluster.connect()
    cold, efficiency = record.read("cold"), record.read("ingest")
    return {
        "cold_seconds": cold.get("cold_seconds"),
        "warm_seconds": warm["warm_seconds"],
        **local,
        "apply_to_ready_seconds": demo["apply_to_ready_seconds"],
        "ingest_efficiency": efficiency.get("ingest_efficiency"),
        "spike_to_third_pod_seconds": demo["spike_to_third_pod_seconds"],
        "spike_peak_pods": demo["spike_peak_pods"],
        "spike_deepest_queue": demo["spike_deepest_queue"],
        "steps": demo["steps"],
        "memory_mib": await at_rest.memory(cluster.kube),
        "image_mib": await at_rest.image_sizes(cluster.kube),
    }


if __name__ == "__main__":
    app()
