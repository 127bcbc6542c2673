"""Renders docs/benchmarks.md from the figures in docs/benchmarks/*.json."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.bench.record import PAGE, read

INTRODUCTION = """# Figures

Measured by `make bench NAME=demo`, `NAME=test` (with `ARGS=--cold` for the cold runs), `NAME=ingest`,
`NAME=documents`, `NAME=document-api`, `NAME=operator`, `NAME=faults`, `NAME=sight`, `NAME=retrieval` and
`NAME=parsing`, which write this page and the JSON beside it, with the commit and the machine of each.
"""
AIMS = {
    "cold_seconds": ("`make demo`, fresh clone, every cache empty", "s", "under 1500"),
    "warm_seconds": ("`make demo`, all built, no cluster running", "s", "under 180"),
    "local_first_answer_seconds": ("local processes: fresh clone to the first answer", "s", "under 180"),
    "apply_to_ready_seconds": ("`kubectl apply` to Ready", "s", ""),
    "spike_to_third_pod_seconds": ("queue spike to the third embedding pod ready", "s", ""),
    "ingest_efficiency": ("end-to-end ingest over the raw engine's rate", "", "at least 0.8"),
}
OPERATOR = {
    "all_created_seconds": ("made: from the first `apply` to the last child", "s", ""),
    "change_to_children_p95_seconds": ("changed: from a new spec to its Deployment, p95", "s", "at most 1"),
    "steady_writes_per_minute": ("writes a minute at rest, but for the Lease", "", "0"),
    "lease_requests_per_minute": ("requests a minute for the Lease", "", ""),
    "steady_reads_per_minute": ("reads a minute at rest, in all", "", "at most 60"),
    "cpu_cores_at_rest": ("cores at rest", "", "at most 0.05"),
    "memory_mib": ("memory", "MiB", "at most 300"),
    "restart_to_quiet_seconds": ("from a restart to the last request of its passes", "s", ""),
}


def render() -> None:
    """Writes the page."""
    parts = [
        INTRODUCTION,
        *_demo(read("demo")),
        *_test({"cold": read("test-cold"), "warm": read("test-warm")}),
        *_ingest(read("ingest")),
        *_documents(read("documents")),
        *_document_api(read("document-api")),
        *_operator(read("operator")),
        *_sight(read("sight")),
        *_retrieval(read("retrieval")),
        *_parsing(read("parsing")),
        *_faults(read("faults")),
    ]
    PAGE.write_text("\n".join(parts))


def _demo(demo: Mapping[str, Any]) -> Iterable[str]:
    if not demo:
        return
    yield f"## The demo\n\n{_provenance(demo)}\n"
    rows = [(text, f"{demo[key]} {unit}", aim) for key, (text, unit, aim) in AIMS.items() if demo[key]]
    yield _table(("what", "measured", "aim"), rows)
    if cold := read("cold"):
        yield f"The cold figure is of commit {cold['commit']}, {cold['date']}.\n"
        yield "### Steps of the cold run\n"
        yield _table(("step", "seconds"), cold["steps"].items())
    yield "### Steps of the warm run\n"
    yield _table(("step", "seconds"), demo["steps"].items())
    yield "### Memory at rest, after the run\n"
    yield _table(("workload/container", "MiB"), demo["memory_mib"].items())
    yield "### Images\n"
    yield _table(("image", "MiB"), demo["image_mib"].items())


def _test(runs_by_name: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    runs = [(name, figures) for name, figures in runs_by_name.items() if figures]
    if not runs:
        return
    yield "## `make test`\n"
    for name, figures in runs:
        yield f"{name.capitalize()}: {figures['seconds']} s. {_provenance(figures)}\n"
    levels = runs[0][1]["steps"]
    rows = [(level, *(figures["steps"][level] for _, figures in runs)) for level in levels]
    yield _table(("level", *(f"{name}, s" for name, _ in runs)), rows)


def _ingest(ingest: Mapping[str, Any]) -> Iterable[str]:
    if not ingest:
        return
    yield f"## Ingest\n\n{_provenance(ingest)}\n"
    yield (
        f"{ingest['chunks']} chunks, {len(ingest['rounds']['raw'])} rounds of each in turn, medians;"
        " the spread is the largest less the smallest, over the median.\n"
    )
    rows = [
        ("raw engine", ingest["raw_chunks_per_second"], ingest["raw_spread"]),
        ("end to end", ingest["end_to_end_chunks_per_second"], ingest["end_to_end_spread"]),
    ]
    yield _table(("", "chunks/s", "spread"), rows)
    yield f"Efficiency: {ingest['ingest_efficiency']}\n"


DURABILITY = {
    "documents": ("documents, each uploaded twice, of 2 pages of real manuals", ""),
    "completed": ("of them completed", ""),
    "lost": ("records, files and chunks that are missing", "0"),
    "repeated_chunks": ("chunks that are there twice", "0"),
    "orphans": ("keys, files and points that nobody owns", "0"),
    "answers_apart": ("of 20 questions, those answered otherwise than undisturbed", "0"),
    "redis_commands_per_batch": (
        "Redis' commands for a batch, 20 pods of 4 slots, 10,000 batches waiting",
        "at most 30",
    ),
    "worker_rss_10_pages_mib": ("most memory of a worker and its parser, 10 pages, MiB", ""),
    "worker_rss_5000_pages_mib": ("the same, 5,000 pages, MiB", "flat"),
    "recovery_ms_10000_waiting": ("one pass of recovery, 10,000 documents waiting, ms", "at most 50"),
}


def _documents(documents: Mapping[str, Any]) -> Iterable[str]:
    if not documents:
        return
    yield f"## Documents under faults\n\n{_provenance(documents)}\n"
    yield (
        "Workers and embedding processes are killed at random, Redis and Qdrant are restarted twice each,"
        " Qdrant is away for six minutes, and one of 50 replies of Redis is lost after the command ran.\n"
    )
    rows = [(text, documents[key], aim) for key, (text, aim) in DURABILITY.items()]
    yield _table(("what", "measured", "aim"), rows)


DOCUMENT_API = {
    "list_100k_p95_ms": ("a page of 100, 95 of 100 requests, ms", "at most 50"),
    "killed_at_page": ("the page of the reference of R at which a worker is killed", ""),
    "pages_read_again": ("pages that are read twice where a worker is killed that far", "at most 64"),
    "events_missed_after_resume": (
        "of 5,000 events, those missed by a client that is cut off 250 times",
        "0",
    ),
    "reindex_documents": ("documents that are embedded anew for another model", ""),
    "reindex_questions": ("questions that are answered meanwhile", ""),
    "reindex_empty_answers": ("of these, from an empty or a mixed index", "0"),
    "reindex_documents_per_minute": ("documents embedded anew in a minute", ""),
}


def _document_api(figures: Mapping[str, Any]) -> Iterable[str]:
    if not figures:
        return
    yield f"## The API of documents\n\n{_provenance(figures)}\n"
    yield f"Lists are of {figures['records']:,} documents, all read to their ends.\n"
    rows = [(text, figures[key], aim) for key, (text, aim) in DOCUMENT_API.items()]
    yield _table(("what", "measured", "aim"), rows)
    yield _table(("pages of a list by", "95 of 100, ms"), figures["list_p95_ms"].items())


SIGHT = {
    "alerts": ("alerts of a pipeline", "at least 12"),
    "alerts_fired_for_real": (
        "of these, made to fire by breaking things, and to clear by mending",
        "at least 4",
    ),
    "panels": ("panels of the dashboards", ""),
    "panels_with_data": ("of these, with data of a real Prometheus after load", "all"),
    "largest_share_over_smallest": (
        "of three embedding pods by Contour and Envoy, the largest share of requests over the smallest",
        "at most 1.3",
    ),
}


def _operator(operator: Mapping[str, Any]) -> Iterable[str]:
    if not operator:
        return
    yield f"## The operator\n\n{_provenance(operator)}\n"
    yield (
        f"{operator['pipelines']} pipelines on etcd, API server and controller manager; kwok has their pods."
        " The audit log counts the requests; memory is the most that was ever held.\n"
    )
    rows = [(text, f"{operator[key]} {unit}".strip(), aim) for key, (text, unit, aim) in OPERATOR.items()]
    yield _table(("what", "measured", "aim"), rows)


def _sight(figures: Mapping[str, Any]) -> Iterable[str]:
    if not figures:
        return
    yield f"## Seeing it\n\n{_provenance(figures)}\n"
    yield _table(
        ("what", "measured", "aim"), [(text, figures[key], aim) for key, (text, aim) in SIGHT.items()]
    )


RETRIEVAL = {
    "citations_ms": ("the citations of ten passages, median, ms", "at most 5"),
    "questions_per_second_8_clients": ("retrievals a second with 8 clients", "at least 60"),
    "chunks": ("of so many chunks", "10,000"),
    "ttft_added_ms": ("what is added to the time until llama.cpp's first token, median, ms", "at most 15"),
    "quotes_verbatim": ("quotes that stand word for word on the page that they name", "1"),
    "quote_agreement": ("right pages whose answering sentence is quoted", "not below the next"),
    "quote_agreement_embedded": ("the same, where each sentence is embedded for the question", ""),
}
COLUMNS = {"recall_at_5": "recall@5", "ndcg_at_10": "nDCG@10", "first_right": "first right"}


def _retrieval(figures: Mapping[str, Any]) -> Iterable[str]:
    if not figures:
        return
    yield f"## Finding\n\n{_provenance(figures)}\n"
    yield (
        "Questions whose right pages are known, of five manuals and of XQuAD; a pipeline for each set."
        " nDCG counts each right page where it is shown first; the last figure is of the first citation.\n"
    )
    if "model" in figures:
        yield from _found(figures)
    yield _table(
        ("what", "measured", "aim"),
        [(text, figures[key], aim) for key, (text, aim) in RETRIEVAL.items() if key in figures],
    )


def _found(figures: Mapping[str, Any]) -> Iterable[str]:
    models = {figures["model"]: figures, **figures["other_models"]}
    for model, sets in models.items():
        yield f"### By {model}\n"
        rows = [
            (name, questions, mode, *(sets[name][mode][column] for column in COLUMNS))
            for name, questions in figures["questions"].items()
            for mode in sets[name]
        ]
        yield _table(("set", "questions", "mode", *COLUMNS.values()), rows)
    yield "### Stages, median, ms\n"
    stages = {stage: None for modes in figures["stage_ms"].values() for ms in modes.values() for stage in ms}
    timed = [
        (model, mode, *(ms.get(stage, "") for stage in stages))
        for model, modes in figures["stage_ms"].items()
        for mode, ms in modes.items()
    ]
    yield _table(("model", "mode", *stages), timed)


PARSING = {
    "order": ("reading order: similarity of the text, its order with it (NID)", "at least 0.9"),
    "tables": ("tables: similarity of their rows and cells (TEDS)", "at least 0.7"),
    "headings": ("headings: found with their text and their level (F1)", "at least 0.7"),
    "pages_per_second": ("pages a second of a core, of two manuals", "at least 25"),
    "slowest_pages_per_second": ("the same of the slowest file of all", "at least 5"),
}
RECOGNITION = {
    "ocr_words": ("share of the words that are read", "at least 0.95"),
    "ocr_pages_per_second": ("pages a second of a core", "at least 0.5"),
}


def _parsing(figures: Mapping[str, Any]) -> Iterable[str]:
    if not figures:
        return
    yield f"## Structure of PDFs\n\n{_provenance(figures)}\n"
    yield (
        f"{figures['printed_pages']} pages printed from HTML whose structure is known, by each reader in one"
        " run; the worker's is the first.\n"
    )
    readers = figures["readers"]
    rows = [(text, *(read[key] for read in readers.values()), aim) for key, (text, aim) in PARSING.items()]
    yield _table(("what", *readers, "aim"), rows)
    yield "The same pages as scans, by text recognition:\n"
    yield _table(
        ("what", "measured", "aim"), [(text, figures[key], aim) for key, (text, aim) in RECOGNITION.items()]
    )


def _faults(figures: Mapping[str, Any]) -> Iterable[str]:
    if not figures:
        return
    yield f"## Faults of the operator and its API server\n\n{_provenance(figures)}\n"
    yield (
        "One fault a trial, each in a namespace with an operator of its own, on a bare API server. A trial"
        " has recovered when children and conditions are those of an undisturbed run, passwords too.\n"
    )
    kinds = {**figures["by_kind"], "all": figures}
    columns = ("trials", "recovered", "passwords_changed", "slowest_seconds")
    rows = [(kind, *(told[column] for column in columns)) for kind, told in kinds.items()]
    yield _table(("fault", "trials", "recovered", "passwords changed", "slowest, s"), rows)


def _provenance(figures: Mapping[str, Any]) -> str:
    return f"Commit {figures['commit']}, {figures['date']}, on {figures['machine']}."


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
