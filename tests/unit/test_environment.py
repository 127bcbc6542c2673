"""Every variable that the operator sets is a setting of its workload, and every required setting is set."""

from importlib import import_module

import pytest
from pydantic_settings import BaseSettings
from tests.unit.pipelines import AUTOSCALED, EXTERNAL_LLM, MANAGED_LLM, children, env_of

from rag_operator.names import Manifest

# Read by libraries, not by settings.
LIBRARY_VARIABLES = {"HF_HOME"}
TEI = {
    "model": "BAAI/bge-m3",
    "external": {"url": "http://tei", "apiKeySecretRef": {"name": "k", "key": "k"}},
}
AUTH = {"auth": {"apiKeySecretRef": {"name": "keys", "key": "api"}}}
SPECS: list[Manifest] = [
    {},
    {"embedding": AUTOSCALED, "llm": MANAGED_LLM, "api": AUTH},
    {"embedding": TEI, "llm": EXTERNAL_LLM},
]


def settings_of(workload: str) -> type[BaseSettings]:
    """Return the one settings class that a workload's own settings module defines."""
    module = import_module(f"rag_workloads.{workload}.settings")
    (found,) = (
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, BaseSettings) and each.__module__ == module.__name__
    )
    return found


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("workload", ["api", "worker", "embedding", "llm"])
def test_variables_and_settings_agree(workload: str, spec: Manifest) -> None:
    made = children(**spec)
    if ("Deployment", f"demo-{workload}") not in made:
        assert workload == "llm"
        return
    variables = env_of(made["Deployment", f"demo-{workload}"]).keys()
    fields = settings_of(workload).model_fields
    known = {name.upper() for name in fields}
    required = {name.upper() for name, field in fields.items() if field.is_required()}
    assert variables - LIBRARY_VARIABLES <= known
    assert required <= variables
