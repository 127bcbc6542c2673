"""What a builder writes into a container is what the process in it reads."""

import os
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_core import to_json
from tests.unit.pipelines import (
    AUTOSCALED,
    EXTERNAL_LLM,
    KEYS,
    MANAGED_LLM,
    children,
    env_of,
    pipeline,
    reindexing,
)

from rag_contract.api_keys import ApiKey, Scope
from rag_contract.environment.api import ApiSettings
from rag_contract.environment.base import JSON, Environment, FromSecret
from rag_contract.environment.embedding import EmbeddingSettings
from rag_contract.environment.llm import LlmSettings
from rag_contract.environment.worker import WorkerSettings
from rag_operator.names import Manifest

# Read by libraries, or by the name that another variable gives; not by settings.
OTHER_VARIABLES = {"HF_HOME", "API_KEY_0"}
TEI = {
    "model": "BAAI/bge-m3",
    "external": {"url": "http://tei", "apiKeySecretRef": {"name": "k", "key": "k"}},
}
AUTH = {"auth": KEYS}
FULL: Manifest = {
    "embedding": AUTOSCALED,
    "llm": MANAGED_LLM,
    "api": AUTH,
    "indexes": reindexing(pipeline(embedding=AUTOSCALED)),
}
ELSEWHERE: Manifest = {"embedding": TEI, "llm": EXTERNAL_LLM}
PROCESSES: list[tuple[str, type[Environment]]] = [
    ("api", ApiSettings),
    ("worker", WorkerSettings),
    ("embedding", EmbeddingSettings),
    ("llm", LlmSettings),
]


class Sample(Environment):
    size: Annotated[int, Field(ge=1)] = 3
    name: str | None = None
    password: SecretStr | None = None
    parts: Annotated[tuple[str, ...], JSON] = ()


def given(value: str | Manifest) -> str:
    """Return what a container is given for a variable; for one from a Secret, where it comes from."""
    if isinstance(value, str):
        return value
    reference = value["secretKeyRef"]
    return f"{reference['name']}/{reference['key']}"


def text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return to_json(value).decode() if isinstance(value, list | bool | BaseModel) else str(value)


def put(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("spec", [FULL, ELSEWHERE])
@pytest.mark.parametrize(("workload", "settings"), PROCESSES)
def test_what_is_written_is_what_is_read(
    workload: str, settings: type[Environment], spec: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = env_of(children(**spec)["Deployment", f"demo-{workload}"])
    written = {name: given(value) for name, value in variables.items() if name not in OTHER_VARIABLES}
    put(monkeypatch, written)
    read = settings.read()
    assert {name.upper(): text(value) for name, value in read if value is not None} == written


def test_a_value_from_a_secret_is_written_as_a_reference() -> None:
    assert Sample(password=FromSecret("keys", "redis")).variables() == [
        {"name": "SIZE", "value": "3"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "redis"}}},
        {"name": "PARTS", "value": "[]"},
    ]


def test_a_list_is_written_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample(parts=("a", "b,c"))
    put(monkeypatch, {each["name"]: each["value"] for each in sample.variables()})
    assert Sample.read() == sample


def test_an_api_key_is_written_alike_by_every_process() -> None:
    key = ApiKey(name="all", scopes=frozenset({Scope.QUERY, Scope.INGEST, Scope.ADMIN}), variable="KEY")
    assert key.model_dump()["scopes"] == ["admin", "ingest", "query"]


def test_a_secret_value_is_never_written() -> None:
    with pytest.raises(TypeError, match="FromSecret"):
        Sample(password=SecretStr("plain")).variables()


def test_the_same_bounds_hold_for_who_writes_and_who_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, {"SIZE": "0", "PASSWORD": "hidden", "OTHER": "ignored"})
    with pytest.raises(ValidationError, match="SIZE") as refused:
        Sample.read()
    assert "hidden" not in str(refused.value)
    with pytest.raises(ValidationError, match="size"):
        Sample(size=0)
