"""Which key a client has sent."""

import pytest

from rag_contract.api_keys import ApiKey, Scope
from rag_contract.environment.api import ApiSettings
from rag_workloads.web.keyring import DEFAULT, Keyring

OLD = ApiKey(name="old", scopes=frozenset({Scope.QUERY}), variable="API_KEY_0")
NEW = ApiKey(name="new", scopes=frozenset({Scope.INGEST}), variable="API_KEY_1")


def settings(**fields: object) -> ApiSettings:
    known: dict[str, object] = {
        "pipeline": "p",
        "redis_url": "redis://localhost",
        "qdrant_url": "http://localhost",
        "qdrant_collection": "c",
        "storage_url": "file:///nowhere",
        "embedding_url": "http://localhost",
        "embedding_model": "m",
    }
    return ApiSettings.model_validate(known | fields)


def test_each_key_is_found_by_its_value() -> None:
    keyring = Keyring({OLD: "first", NEW: "second"})
    assert keyring.find(b"first") is OLD
    assert keyring.find(b"second") is NEW
    assert keyring.find(b"third") is None
    assert keyring.find(b"") is None


@pytest.mark.parametrize("empty", ["", "\n", " "])
def test_an_empty_key_is_never_found(empty: str) -> None:
    keyring = Keyring({OLD: empty, NEW: "second"})
    assert keyring.find(empty.encode()) is None
    assert keyring.find(b"") is None
    assert keyring.find(b"second") is NEW


def test_the_newline_at_the_end_of_a_file_is_no_part_of_its_key() -> None:
    assert Keyring({OLD: "first\n"}).find(b"first") is OLD


def test_a_key_may_be_written_in_any_script() -> None:
    assert Keyring({OLD: "ключ"}).find("ключ".encode()) is OLD


def test_only_a_pipeline_without_any_key_is_open() -> None:
    assert Keyring.of(settings(), {}) is None


@pytest.mark.parametrize("fields", [{"api_key": ""}, {"api_keys": []}, {"api_keys": [OLD]}])
def test_what_is_configured_and_empty_refuses_everyone(fields: dict[str, object]) -> None:
    keyring = Keyring.of(settings(**fields), {"API_KEY_0": ""})
    assert keyring is not None
    assert keyring.find(b"") is None


def test_the_values_come_from_the_environment() -> None:
    written = f"[{OLD.model_dump_json()}, {NEW.model_dump_json()}]"
    keyring = Keyring.of(
        settings(api_key="third", api_keys=written), {"API_KEY_0": "first", "API_KEY_1": "second"}
    )
    assert keyring is not None
    assert [keyring.find(value) for value in (b"first", b"second", b"third")] == [OLD, NEW, DEFAULT]
