"""Names that a user writes: what is no name leads to no request, and is told in the status."""

from typing import Any

import pytest
from tests.unit.pipelines import MINILM, pipeline

from rag_operator.cluster import Cluster, InvalidName
from rag_operator.fields import SecretKeyRef
from rag_operator.names import DEPLOYMENT, SECRET, Manifest
from rag_operator.resolution import Unresolved, resolve
from rag_operator.transport import Transport
from rag_operator.user_secrets import UserSecrets

BAD_NAMES = [
    "../../victim/secrets/crown",
    "%2e%2e/%2e%2e/victim/secrets/crown",
    "..%2f..%2fvictim%2fsecrets%2fcrown",
    "../configmaps/x",
    "a/b",
    "..",
    ".",
    "a?watch=true",
    "a#b",
    "A",
    "a\n",
    "-a",
    "a..b",
]
BAD_KEYS = [".", "..", "..a", "a/b", "a b", "a\n", "ä"]


def references(reference: Manifest) -> dict[str, Manifest]:
    """Return a spec for each place in which a pipeline refers to a Secret."""
    return {
        "queue": {"queue": {"external": {"urlSecretRef": reference}}},
        "vectorStore": {
            "vectorStore": {
                "collection": "docs",
                "external": {"url": "https://qdrant", "apiKeySecretRef": reference},
            }
        },
        "api": {"api": {"auth": {"apiKeySecretRef": reference}}},
        "embedding": {
            "embedding": {"model": MINILM, "external": {"url": "http://tei", "apiKeySecretRef": reference}}
        },
        "llm": {"llm": {"external": {"url": "http://vllm", "model": "m", "apiKeySecretRef": reference}}},
    }


class Recorder(Transport):
    """A transport that remembers what is asked of it, and has nothing."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def request(self, method: str, path: str, *_: Any, **__: Any) -> Manifest:
        self.paths.append(path)
        return {"items": []}


@pytest.mark.parametrize("place", references({}))
@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_of_no_secret_is_told_and_never_asked_for(place: str, name: str) -> None:
    bad = pipeline(**references({"name": name, "key": "jewel"})[place])
    recorder = Recorder()
    assert await UserSecrets(Cluster(recorder)).of(bad) == {}
    assert recorder.paths == []
    found = resolve(bad, {name: {"jewel": "redis://stolen"}}, {})
    assert isinstance(found, Unresolved)
    assert found.reason == "InvalidSecretReference"
    assert found.message.startswith(
        f"{name!r} is no name of a Secret; it must be the plain name of an object"
    )


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_of_no_secret_is_told(key: str) -> None:
    mistake = SecretKeyRef(name="keys", key=key).mistake
    assert mistake
    assert mistake.startswith(f"{key!r} is no key of Secret keys; it must be a key of a Secret")


@pytest.mark.parametrize(
    ("name", "key"), [("keys", "key"), ("my.keys-2", ".dockerconfigjson"), ("0", "a..B_-9")]
)
def test_a_name_that_kubernetes_takes_is_taken(name: str, key: str) -> None:
    assert SecretKeyRef(name=name, key=key).mistake is None


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../configmaps/x", "%2e%2e/x", "%2e%2e"])
async def test_no_request_is_made_for_what_is_no_segment(name: str) -> None:
    recorder = Recorder()
    cluster = Cluster(recorder)
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "team", "uid": "u"},
    }
    requests = (
        cluster.get(SECRET, "team", name),
        cluster.get(SECRET, name, "crown"),
        cluster.replace(manifest),
        cluster.delete(manifest),
        cluster.apply_status("team", name, {}),
        cluster.record({"metadata": {"namespace": name}}),
    )
    for request in requests:
        with pytest.raises(InvalidName, match="is no name of an object"):
            await request
    assert recorder.paths == []


async def test_each_part_of_a_path_is_quoted() -> None:
    recorder = Recorder()
    cluster = Cluster(recorder)
    await cluster.get(DEPLOYMENT, "team", "a?watch=true#b c")
    await cluster.list(SECRET)
    assert recorder.paths == [
        "/apis/apps/v1/namespaces/team/deployments/a%3Fwatch%3Dtrue%23b%20c",
        "/api/v1/secrets",
    ]
