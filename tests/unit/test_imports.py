"""Every library that a workload's image imports, anywhere, is in the lock that the image is made from."""

import sys
from importlib.metadata import packages_distributions

import grimp
import pytest
from packaging.utils import canonicalize_name
from tests.unit.test_locks import pins

LOCKS = {
    "api": "api",
    "worker": "worker",
    "embedding": "embedding",
    "llm": "llm",
    "embedded_qdrant": "qdrant",
    "llama_server": "llama-server",
    "models": "models",
}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("rag_workloads", include_external_packages=True)


@pytest.mark.parametrize(("workload", "lock"), LOCKS.items())
def test_what_a_workload_imports_is_locked(workload: str, lock: str, imports: grimp.ImportGraph) -> None:
    modules = imports.find_upstream_modules(f"rag_workloads.{workload}", as_package=True)
    packages = {module.partition(".")[0] for module in modules} - {"rag_workloads"} - sys.stdlib_module_names
    assert packages
    distributions = packages_distributions()
    missing = {
        name for name in packages if not {*map(canonicalize_name, distributions[name])} & pins(lock).keys()
    }
    assert not missing


def test_every_workload_has_a_lock(imports: grimp.ImportGraph) -> None:
    workloads = {module.rpartition(".")[2] for module in imports.find_children("rag_workloads")}
    assert workloads - {"core"} == LOCKS.keys()
