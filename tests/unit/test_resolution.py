"""From references to values."""

import base64

import pytest
from tests.unit.pipelines import EXTERNAL_LLM, KEYS, MINILM, UID, pipeline

from rag_operator.connections import InvalidRedisUrl, QueueConnection
from rag_operator.indexes import decide
from rag_operator.names import APPLIED_HASH, INSTANCE, Manifest, children_labels
from rag_operator.pipeline import RagPipeline
from rag_operator.resolution import Resolution, Unresolved, decode, foreign, resolve
from rag_operator.status import Status

EXTERNAL_QUEUE = {"external": {"urlSecretRef": {"name": "keys", "key": "redis"}}}
SECRET_CONFLICT = Unresolved(
    "SecretConflict",
    "Secret demo-queue exists and does not belong to the pipeline; "
    "delete it, or give the pipeline another name",
)
EMPTY = "key llm of Secret keys is empty; write its value, or drop the reference"
MANAGED_QUEUE_SECRET = {"address": "demo-redis.team:6379", "password": "kept"}


def resolved(
    user: dict[str, str] | None = None, own: dict[str, dict[str, str]] | None = None, **spec: object
) -> Resolution:
    found = resolve(pipeline(**spec), {"keys": user} if user else {}, own or {})
    assert isinstance(found, Resolution)
    return found


def test_passwords_are_generated_once() -> None:
    first, second = resolved(), resolved()
    assert first.queue.password != second.queue.password
    kept = resolved(own={"demo-queue": MANAGED_QUEUE_SECRET, "demo-vector-store": {"api-key": "kept too"}})
    assert (kept.queue.password, kept.vector_store.api_key) == ("kept", "kept too")


def test_a_password_of_another_redis_is_not_kept() -> None:
    elsewhere = {"address": "redis.example.com:6379", "password": "theirs"}
    assert resolved(own={"demo-queue": elsewhere}).queue.password != "theirs"


@pytest.mark.parametrize(
    ("metadata", "ours"),
    [
        ({"ownerReferences": [{"uid": UID}]}, True),
        ({"labels": children_labels(pipeline())}, True),
        ({"labels": {**children_labels(pipeline()), INSTANCE: "other"}}, False),
        ({"ownerReferences": [{"uid": "another"}]}, False),
        ({"annotations": {APPLIED_HASH: "0"}}, True),
        ({"annotations": {APPLIED_HASH: "0"}, "labels": {INSTANCE: "other"}}, False),
        (
            {"annotations": {APPLIED_HASH: "0"}, "ownerReferences": [{"uid": "another", "controller": True}]},
            False,
        ),
        ({}, False),
    ],
)
def test_a_secret_of_somebody_else_is_not_taken_over(metadata: Manifest, ours: bool) -> None:
    found = foreign(pipeline(), [{"metadata": {"name": "demo-queue", **metadata}}])
    assert found == (None if ours else SECRET_CONFLICT)


def test_an_external_redis_is_taken_apart_for_keda() -> None:
    found = resolved({"redis": "rediss://me:p%40ss@redis.example.com:6380/2"}, queue=EXTERNAL_QUEUE)
    assert found.queue.data() == {
        "url": "rediss://me:p%40ss@redis.example.com:6380/2",
        "address": "redis.example.com:6380",
        "username": "me",
        "password": "p@ss",
        "tls": "enable",
    }
    assert found.queue.database == 2


@pytest.mark.parametrize(
    ("url", "again"),
    [
        ("redis://redis", "redis://redis:6379/0"),
        ("redis://:secret@redis:1", "redis://:secret@redis:1/0"),
        ("redis://[::1]:6379/1", "redis://[::1]:6379/1"),
    ],
)
def test_a_redis_url_survives_the_round_trip(url: str, again: str) -> None:
    assert QueueConnection.parse(url).url == again


DATABASES = ["db", "-1", "1_0", "+1", "１", "0/1", "100000"]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://:pw@redis", "it must look like redis://"),
        ("redis://:pw@", "it must look like redis://"),
        ("pw", "it must look like redis://"),
        ("redis://:pw@r:port", "its port must be a number"),
        ("redis://:pw@r:99999", "its port must be a number"),
        *((f"redis://:pw@r/{path}", "its database, after the host, must be a number") for path in DATABASES),
        ("rediss://:pw@r/0?ssl_cert_reqs=none", "nothing may follow the database"),
        ("redis://:pw@r/0#pw", "nothing may follow the database"),
        ("redis://pw@r/0", "it names a user without a password"),
    ],
)
def test_a_wrong_redis_url_is_refused_without_repeating_it(url: str, sentence: str) -> None:
    with pytest.raises(InvalidRedisUrl) as error:
        QueueConnection.parse(url)
    assert str(error.value).startswith(sentence)
    assert "pw" not in str(error.value)


@pytest.mark.parametrize(
    ("user", "reason", "message"),
    [
        ({}, "SecretNotFound", "Secret keys does not exist"),
        ({"keys": {"other": "x"}}, "SecretKeyNotFound", "Secret keys has no key llm"),
        ({"keys": {"llm": ""}}, "SecretKeyNotFound", EMPTY),
        ({"keys": {"llm": " \n"}}, "SecretKeyNotFound", EMPTY),
    ],
)
def test_a_missing_secret_is_named(user: dict[str, dict[str, str]], reason: str, message: str) -> None:
    assert resolve(pipeline(llm=EXTERNAL_LLM), user, {}) == Unresolved(reason, message)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"first": "a", "second": "b"}, None),
        ({"first": "a"}, "Secret keys has no key second"),
        ({"first": "a", "second": ""}, "key second of Secret keys is empty"),
    ],
)
def test_every_key_of_the_api_must_have_a_value(contents: dict[str, str], message: str | None) -> None:
    found = resolve(pipeline(api={"auth": KEYS}), {"keys": contents}, {})
    if message is None:
        assert isinstance(found, Resolution)
    else:
        assert isinstance(found, Unresolved)
        assert (found.reason, found.message.startswith(message)) == ("SecretKeyNotFound", True)


def test_a_key_of_a_server_that_an_index_still_needs_is_needed() -> None:
    """The spec names another server since."""
    elsewhere = {
        "model": MINILM,
        "external": {"url": "http://tei", "apiKeySecretRef": {"name": "keys", "key": "tei"}},
    }
    known = decide(pipeline(embedding=elsewhere))
    moved: RagPipeline = pipeline().model_copy(update={"status": Status(indexes=known)})
    assert resolve(moved, {}, {}) == Unresolved("SecretNotFound", "Secret keys does not exist")
    assert isinstance(resolve(moved, {"keys": {"tei": "key"}}, {}), Resolution)


def test_a_wrong_url_in_a_secret_is_told_without_its_text() -> None:
    found = resolve(pipeline(queue=EXTERNAL_QUEUE), {"keys": {"redis": "http://me:pw@x"}}, {})
    assert isinstance(found, Unresolved)
    assert found.reason == "InvalidRedisUrl"
    assert "pw" not in found.message


def test_a_value_that_is_no_text_counts_as_missing() -> None:
    secret = {"data": {"text": base64.b64encode(b"x").decode(), "bytes": base64.b64encode(b"\xff").decode()}}
    assert decode(secret) == {"text": "x"}


@pytest.mark.parametrize(
    ("edits", "password"),
    [
        ({}, "kept"),
        ({"address": "elsewhere:1"}, "kept"),
        ({"address": None}, "kept"),
        ({"password": "edited"}, "kept"),
        ({"password": None, "address": "elsewhere:1"}, "kept"),
        ({"url": "redis://:edited@elsewhere/0"}, "kept"),
        ({"url": "no URL"}, "kept"),
        ({"redis.conf": "requirepass edited"}, "kept"),
        ({"redis.conf": "no password"}, "kept"),
        ({"password": "new", "redis.conf": "requirepass new\n"}, "new"),
    ],
)
def test_one_edit_of_the_secret_costs_no_password(edits: dict[str, str | None], password: str) -> None:
    managed = QueueConnection("demo-redis.team", "kept")
    contents = {**managed.data(), "redis.conf": managed.config, **edits}
    known = {key: value for key, value in contents.items() if value is not None}
    assert resolved(own={"demo-queue": known}).queue.password == password
