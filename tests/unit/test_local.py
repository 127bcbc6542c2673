"""A pipeline as local processes."""

from itertools import count
from pathlib import Path

import pytest
import yaml
from tests.unit.pipelines import EXTERNAL_LLM, KEYS, MANAGED_LLM, resource

from rag_contract.api_keys import ApiKey, Scope
from rag_contract.environment.api import ApiSettings
from rag_operator.children import build
from rag_operator.local.__main__ import InvalidFile, load
from rag_operator.local.probes import HttpProbe, RedisProbe
from rag_operator.local.translate import (
    LocalProcess,
    Model,
    Plan,
    Translator,
    Untranslatable,
    container_ports,
)

STATE = Path("/state")


def translated(secrets: dict[str, str] | None = None, **spec: object) -> Plan:
    documents = [
        resource(**spec),
        {"kind": "Secret", "metadata": {"name": "keys"}, "stringData": secrets or {}},
    ]
    site = load(yaml.safe_dump_all(documents))
    manifests, numbers = build(site), count(20_000)
    ports = {port: next(numbers) for port in container_ports(manifests)}
    return Translator(manifests, STATE, ports, site.user_secrets).plan()


def process(plan: Plan, name: str) -> LocalProcess:
    return next(each for each in plan.processes if each.name == name)


def test_every_container_becomes_a_process() -> None:
    plan = translated(llm=MANAGED_LLM)
    assert [each.name for each in plan.processes] == [
        "redis", "qdrant", "llama-server", "llm", "embedding", "worker", "api",
    ]  # fmt: skip


def test_services_are_found_on_local_ports() -> None:
    plan = translated(llm=MANAGED_LLM)
    api, embedding, llm = (process(plan, name) for name in ("api", "embedding", "llm"))
    assert api.env["EMBEDDING_URL"] == f"http://127.0.0.1:{embedding.env['PORT']}"
    assert api.env["LLM_URL"] == f"http://127.0.0.1:{llm.env['PORT']}"
    engine = process(plan, "llama-server")
    port = engine.command[list(engine.command).index("--port") + 1]
    assert llm.env["BACKEND_URL"] == f"http://127.0.0.1:{port}/v1"
    assert engine.probe == HttpProbe(f"http://127.0.0.1:{port}/health")
    assert api.env["HOST"] == "127.0.0.1"


def test_what_looks_like_a_variable_is_told_as_it_was_written() -> None:
    template = "$$x$$ {passages} $(HOSTNAME) {question}"
    plan = translated(llm={**MANAGED_LLM, "promptTemplate": template})
    assert process(plan, "api").env["ANSWER_TEMPLATE"] == template


def test_the_password_is_the_one_of_the_secret() -> None:
    plan = translated()
    redis = process(plan, "redis")
    assert isinstance(redis.probe, RedisProbe)
    url = process(plan, "api").env["REDIS_URL"]
    assert url == f"redis://:{redis.probe.password}@127.0.0.1:{redis.probe.port}/0"
    (config,) = plan.files.items()
    assert config == (
        STATE / "scratch" / "demo-redis" / "config" / "redis.conf",
        f"requirepass {redis.probe.password}\n",
    )
    assert str(config[0]) in redis.command


def test_keys_are_the_ones_of_the_users_secrets() -> None:
    env = process(translated({"first": "one", "second": "two"}, api={"auth": KEYS}), "api").env
    assert (env["API_KEY"], env["API_KEY_0"]) == ("one", "two")
    (key,) = ApiSettings.model_validate(dict(env), extra="ignore", by_alias=True).api_keys or []
    scopes = frozenset({Scope.QUERY})
    assert key == ApiKey(name="reader", scopes=scopes, requests_per_minute=60, variable="API_KEY_0")


def test_documents_belong_to_the_local_pipeline() -> None:
    plan = translated()
    owners = {process(plan, name).env["OWNER"] for name in ("api", "worker", "embedding")}
    assert owners == {"local/team/demo"}
    assert process(plan, "api").env["COLLECTION_REVISION"] == "3"


def test_pods_that_share_a_claim_share_a_folder() -> None:
    plan = translated()
    urls = {process(plan, name).env["STORAGE_URL"] for name in ("api", "worker")}
    assert urls == {f"file://{STATE}/volumes/demo-objects"}


def test_a_model_is_written_once_for_all_pods() -> None:
    plan = translated(llm=MANAGED_LLM)
    folder = STATE / "models"
    assert plan.models == {Model("minilm", folder / "minilm"), Model("smollm2", folder / "smollm2")}
    assert process(plan, "embedding").env["MODEL_PATH"] == str(folder / "minilm")
    assert str(folder / "smollm2" / "model.gguf") in process(plan, "llama-server").command


def test_a_model_image_without_a_local_counterpart_is_refused() -> None:
    with pytest.raises(Untranslatable, match="example/weights:1 has no local counterpart"):
        translated(llm={"managed": {"model": "mine", "modelImage": "example/weights:1"}})


def test_a_mistyped_field_is_refused() -> None:
    with pytest.raises(ValueError, match="retrival"):
        load(yaml.safe_dump(resource(retrival={"topK": 1})))


def test_secrets_come_from_the_same_file() -> None:
    text = yaml.safe_dump(resource(llm=EXTERNAL_LLM))
    with pytest.raises(InvalidFile, match="Secret keys does not exist"):
        load(text)
    secret = {"kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"llm": "key"}}
    assert load(f"{text}---\n{yaml.safe_dump(secret)}").user_secrets == {"keys": {"llm": "key"}}
