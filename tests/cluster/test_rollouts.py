"""What the conditions say of a change that cannot finish; pods have the state that the test writes."""

import pytest

from tests.cluster.kube import MINILM, NAME, Kube, Manifest, pipeline
from tests.cluster.pods import pods, serve, set_status, told
from tests.patience import eventually

LIMIT: Manifest = {"limits": {"cpu": "1", "memory": "1Gi"}}
LIMITED: Manifest = {
    "api": {"resources": LIMIT},
    "workers": {"resources": LIMIT},
    "queue": {"managed": {"resources": LIMIT}},
    "vectorStore": {"collection": "docs", "managed": {"resources": LIMIT}},
    "embedding": {"model": MINILM, "modelResources": LIMIT, "managed": {"resources": LIMIT}},
    "llm": {
        "resources": LIMIT,
        "managed": {
            "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
            "resources": LIMIT,
            "modelResources": LIMIT,
        },
    },
}
SAID = "the collection docs belongs to another pipeline"

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture(autouse=True)
def nobody_else_runs_pods(bare: bool) -> None:
    if not bare:
        pytest.skip("a kubelet writes the state of pods itself")


def test_a_new_pod_that_gives_up_is_told_while_the_old_one_serves(kube: Kube) -> None:
    kube.apply(pipeline(api={"replicas": 1}))
    eventually(lambda: serve(kube))
    assert told(kube, "Ready", "Ready")["status"] == "True"
    kube.patch("ragpipeline", NAME, {"spec": {"images": {"api": "new/api:2"}}})
    told(kube, "ApiReady", "RollingOut")
    (new,) = (pod for pod in pods(kube, "api") if pod["spec"]["containers"][0]["image"] == "new/api:2")
    terminated = {"exitCode": 1, "reason": "Error", "message": f"starting\n{SAID}\n"}
    crashed = {
        "name": "api",
        "image": "new/api:2",
        "imageID": "",
        "ready": False,
        "restartCount": 1,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
        "lastState": {"terminated": terminated},
    }
    set_status(kube, "pod", new["metadata"]["name"], {"containerStatuses": [crashed]})
    message = (
        f"1 of 1 api pods are ready, 1 still of the spec before; pod {new['metadata']['name']}: "
        f"container api: {SAID}"
    )
    for condition, shown in (
        ("ApiReady", message),
        ("Ready", f"the pipeline takes documents and answers questions; {message}"),
    ):
        found = told(kube, condition, "CrashLoopBackOff")
        assert (found["status"], found["message"]) == ("True", shown)


def limit_cpus(kube: Kube) -> None:
    """Make a quota, for which every container must have a limit; no controller counts in a bare server."""
    hard = {"limits.cpu": "100"}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "cpus"},
        "spec": {"hard": hard},
    }
    kube.apply(quota)
    set_status(kube, "resourcequota", "cpus", {"hard": hard, "used": {"limits.cpu": "0"}})


def test_a_quota_on_cpu_limits_can_be_satisfied(kube: Kube) -> None:
    limit_cpus(kube)
    kube.apply(pipeline(**LIMITED))
    expected = {"api": 2, "worker": 1, "embedding": 1, "llm": 1, "redis": 1, "qdrant": 1}
    assert eventually(lambda: {each: len(pods(kube, each)) for each in expected} == expected)


def test_a_quota_that_keeps_new_pods_away_is_told_while_the_old_ones_serve(kube: Kube) -> None:
    kube.apply(pipeline(**LIMITED))
    eventually(lambda: serve(kube))
    limit_cpus(kube)
    kube.patch("ragpipeline", NAME, {"spec": {"embedding": {"modelResources": {"limits": {"cpu": None}}}}})
    ready = told(kube, "Ready", "FailedCreate")
    assert ready["status"] == "True"
    assert "must specify limits.cpu for: model" in ready["message"]
