"""Every library and module that an image's process imports, anywhere, is in the image."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from packaging.utils import canonicalize_name
from tests.unit.test_locks import pins

LOCKS = {
    "rag_operator.__main__": "operator",
    "rag_workloads.api": "api",
    "rag_workloads.worker": "worker",
    "rag_workloads.ocr": "worker-ocr",
    "rag_workloads.embedding": "embedding",
    "rag_workloads.llm": "llm",
    "rag_standins.embedded_qdrant": "qdrant",
    "rag_standins.llama_server": "llama-server",
    "rag_standins.models": "models",
}
OURS = {"rag_operator", "rag_contract", "rag_workloads", "rag_standins"}
# What the Deployments' packages share.
SHARED = {"library", "clients", "web", "jobs", "tasks", "text", "tracing"}
ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = {"operator": "operator/Dockerfile", "models": "workloads/images/model.Dockerfile"}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(*OURS, include_external_packages=True)


def upstream(imports: grimp.ImportGraph, workload: str) -> set[str]:
    return imports.find_upstream_modules(workload, as_package=True)


@pytest.mark.parametrize(("workload", "lock"), LOCKS.items())
def test_what_a_workload_imports_is_locked(workload: str, lock: str, imports: grimp.ImportGraph) -> None:
    roots = {module.partition(".")[0] for module in upstream(imports, workload)}
    packages = roots - OURS - sys.stdlib_module_names
    assert packages
    distributions = packages_distributions()
    missing = {
        name for name in packages if not {*map(canonicalize_name, distributions[name])} & pins(lock).keys()
    }
    assert not missing


@pytest.mark.parametrize(("workload", "lock"), LOCKS.items())
def test_what_a_workload_imports_is_in_its_image(
    workload: str, lock: str, imports: grimp.ImportGraph
) -> None:
    dockerfile = (ROOT / DOCKERFILES.get(lock, f"workloads/images/{lock}.Dockerfile")).read_text()
    paths = re.findall(r" (?:workloads|operator)/([\w/.]+)", dockerfile)
    ours = [each for each in upstream(imports, workload) if each.partition(".")[0] in OURS]
    assert not {module for module in ours if not any(holds(path, module) for path in paths)}


def holds(path: str, module: str) -> bool:
    """Whether a module is in a file, or somewhere in a folder."""
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return module == name or (not path.endswith(".py") and module.startswith(f"{name}."))


def test_the_contract_brings_no_library_but_pydantic(imports: grimp.ImportGraph) -> None:
    roots = {module.partition(".")[0] for module in upstream(imports, "rag_contract")}
    assert roots - OURS - sys.stdlib_module_names == {"pydantic", "pydantic_core"}


def test_every_workload_has_a_lock(imports: grimp.ImportGraph) -> None:
    found = imports.find_children("rag_workloads") | imports.find_children("rag_standins")
    assert found - {f"rag_workloads.{name}" for name in SHARED} == LOCKS.keys() - {"rag_operator.__main__"}
