"""What people do to a pipeline's children: put right, or left where it is rightly theirs; then all is quiet.

Each row is a command of kubectl. Nothing that was done keeps a later change of the spec from arriving.
"""

import json
import re
import shlex
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.cluster.kube import NAME, Kube, Manifest, pipeline
from tests.cluster.own_operator import OwnOperator
from tests.patience import eventually

CHILDREN = (
    "deployments,statefulsets,services,serviceaccounts,secrets,persistentvolumeclaims,"
    "poddisruptionbudgets,networkpolicies,ingresses,scaledobjects,triggerauthentications"
)
API, REDIS, CLAIM = f"deployment/{NAME}-api", f"statefulset/{NAME}-redis", f"pvc/{NAME}-qdrant-data"
SERVICE, INGRESS = f"service/{NAME}-api", f"ingress/{NAME}-route"
SCALER = f"scaledobject/{NAME}-embedding"
POD = "/spec/template/spec"
FIRST = f"{POD}/containers/0"
EVIL = {"name": "evil", "image": "evil:1"}
ZONES = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "somebody", "uid": str(uuid4())}


def change(target: str, path: str, value: Any) -> str:
    """Return the command that writes one field, whatever is there."""
    return _patch(target, {"op": "add", "path": path, "value": value})


def swap(target: str, path: str, value: Any) -> str:
    """Return the command that writes one item of a list in place of the one there."""
    return _patch(target, {"op": "replace", "path": path, "value": value})


def drop(target: str, path: str) -> str:
    """Return the command that removes a field."""
    return _patch(target, {"op": "remove", "path": path})


def _patch(target: str, step: Manifest) -> str:
    return f"patch {target} --type=json --patch {shlex.quote(json.dumps([step]))}"


PUT_RIGHT = [
    # Values beside which ours could not be applied: two kinds of one thing.
    f"set env {API} REDIS_URL=redis://elsewhere:6379/0",
    change(API, f"{FIRST}/livenessProbe", {"exec": {"command": ["true"]}}),
    change(API, f"{FIRST}/readinessProbe", {"tcpSocket": {"port": 8000}}),
    change(API, f"{FIRST}/lifecycle", {"preStop": {"exec": {"command": ["true"]}}}),
    change(REDIS, f"{FIRST}/livenessProbe", {"httpGet": {"path": "/", "port": 1}}),
    change(
        API,
        f"{POD}/volumes",
        [{"name": "tmp", "hostPath": {"path": "/"}}, {"name": "objects", "emptyDir": {}}],
    ),
    swap(REDIS, f"{POD}/volumes/1", {"name": "data", "emptyDir": {}}),
    change(API, f"{FIRST}/ports/0/containerPort", 9999),
    change(API, f"{FIRST}/ports/0/protocol", "UDP"),
    change(SERVICE, "/spec/ports/0/port", 81),
    change(SERVICE, "/spec/ports/0/protocol", "UDP"),
    change(SERVICE, "/spec/ports/0/targetPort", 81),
    change(f"pdb/{NAME}-embedding", "/spec", {"minAvailable": 1, "selector": {}}),
    change(API, "/spec/strategy", {"type": "Recreate"}),
    # Containers, volumes and rights that are not ours.
    change(API, f"{FIRST}/name", "renamed"),
    change(API, f"{POD}/containers/-", EVIL),
    change(API, f"{POD}/initContainers", [EVIL]),
    change(API, f"{POD}/volumes/-", {"name": "root", "hostPath": {"path": "/"}}),
    change(API, f"{FIRST}/env/-", {"name": "HTTP_PROXY", "value": "http://elsewhere"}),
    change(API, f"{FIRST}/envFrom", [{"secretRef": {"name": "theirs"}}]),
    change(API, f"{FIRST}/command", ["sh"]),
    drop(API, f"{FIRST}/securityContext/allowPrivilegeEscalation"),
    change(API, f"{FIRST}/securityContext/capabilities/add", ["SYS_ADMIN"]),
    change(API, f"{FIRST}/securityContext", {}),
    drop(API, f"{POD}/automountServiceAccountToken"),
    change(API, f"{POD}/hostNetwork", True),
    change(API, f"{POD}/securityContext", {"runAsUser": 0}),
    change(API, f"{POD}/nodeSelector", {"nobody": "here"}),
    change(API, f"{POD}/topologySpreadConstraints/0/whenUnsatisfiable", "DoNotSchedule"),
    drop(f"serviceaccount/{NAME}-api", "/automountServiceAccountToken"),
    f"set serviceaccount {API} default",
    # Plain values.
    f"set image {API} api=elsewhere:1",
    f"set resources {API} --containers=api --limits=cpu=7",
    f"scale {API} --replicas=7",
    f"scale {REDIS} --replicas=0",
    f"rollout pause {API}",
    f"set selector {SERVICE} nobody=here",
    change(SERVICE, "/spec/type", "NodePort"),
    change(SERVICE, "/spec/ports/-", {"name": "more", "port": 82}),
    change(SERVICE, "/spec/sessionAffinity", "ClientIP"),
    change(SERVICE, "/spec/externalIPs", ["192.0.2.1"]),
    change(f"networkpolicy/{NAME}-redis", "/spec/ingress", [{}]),
    change(f"networkpolicy/{NAME}-redis", "/spec/podSelector/matchLabels/stray", "yes"),
    change(INGRESS, "/spec/rules/0/host", "elsewhere.example.com"),
    change(INGRESS, "/spec/defaultBackend", {"service": {"name": "theirs", "port": {"number": 80}}}),
    f"annotate {INGRESS} --overwrite nginx.ingress.kubernetes.io/proxy-body-size=1m",
    change(SCALER, "/spec/maxReplicaCount", 9),
    change(SCALER, "/spec/triggers/-", {"type": "cron", "metadata": {}}),
    change(SCALER, "/spec/triggers/0/metadata/listName", "theirs"),
    drop(SCALER, "/spec/fallback"),
    change(f"triggerauthentication/{NAME}-embedding", "/spec/secretTargetRef/0/name", "theirs"),
    # What tells whose it is.
    f"label {API} app.kubernetes.io/component-",
    f"label {API} app.kubernetes.io/managed-by-",
    f"label {CLAIM} app.kubernetes.io/managed-by-",
    f"label {CLAIM} --overwrite app.kubernetes.io/component=theirs",
    f"label secret/{NAME}-queue app.kubernetes.io/managed-by-",
    f"annotate {API} ragpipeline.dev/applied-hash-",
    drop(SERVICE, "/metadata/ownerReferences"),
    # A password is what two of its three places say.
    change(f"secret/{NAME}-queue", "/data/address", "ZWxzZXdoZXJlOjE="),
    change(f"secret/{NAME}-queue", "/data/password", "dGhlaXJz"),
    change(f"secret/{NAME}-queue", "/data/url", "cmVkaXM6Ly9lbHNld2hlcmU6MS8w"),
    change(f"secret/{NAME}-queue", "/data/redis.conf", "cmVxdWlyZXBhc3MgdGhlaXJz"),
    drop(f"secret/{NAME}-queue", "/data/address"),
    change(f"secret/{NAME}-queue", "/data/more", "dGhlaXJz"),
]
LEFT = [
    f"annotate {API} example.com/note=theirs",
    f"label {SERVICE} example.com/team=theirs",
    f"annotate {INGRESS} cert-manager.io/issue-temporary-certificate=true",
    f"rollout restart {API}",
    change(API, f"{POD}/topologySpreadConstraints/-", ZONES),
    change(f"secret/{NAME}-queue", "/metadata/ownerReferences/-", OWNER),
    change(f"serviceaccount/{NAME}-api", "/imagePullSecrets", [{"name": "theirs"}]),
    change(f"secret/{NAME}-vector-store", "/immutable", True),
    f"scale deployment/{NAME}-embedding --replicas=3",
    f"annotate {SCALER} autoscaling.keda.sh/paused=true",
]
# Nothing of these is seen in what others own: fields of ours that are gone, and an owner more.
WHILE_AWAY = [
    drop(API, f"{FIRST}/securityContext/allowPrivilegeEscalation"),
    drop(f"serviceaccount/{NAME}-api", "/automountServiceAccountToken"),
    drop(f"networkpolicy/{NAME}-redis", "/spec/ingress/0/from"),
    drop(f"service/{NAME}-redis", "/metadata/ownerReferences"),
    change(CLAIM, "/metadata/labels", {}),
]
# Each is spelt otherwise by the API server.
AMOUNTS = {"requests": {"cpu": "0.5m", "memory": "1.0001Gi"}, "limits": {"memory": "8193Pi"}}
AUTOSCALED = {
    "model": "sentence-transformers/all-MiniLM-L6-v2",
    "managed": {"autoscaling": {"maxReplicas": 4}},
}


@pytest.fixture(scope="module")
def kube(crd: Kube, operator: float, keda_crds: list[str]) -> Iterator[Kube]:
    """A namespace with a pipeline that has a child of each kind, and as it was made."""
    for path in keda_crds:
        crd("apply", "--server-side", "--force-conflicts", "-f", path)
    namespace = f"test-{uuid4().hex[:8]}"
    crd("create", "namespace", namespace)
    made = Kube(crd.kubeconfig, namespace)
    made.apply(
        pipeline(
            api={"replicas": 2, "resources": AMOUNTS},
            embedding=AUTOSCALED,
            expose={"ingress": {"className": "nginx", "host": "rag.example.com"}},
        )
    )
    eventually(lambda: made.get("deployment", f"{NAME}-api"))
    eventually(lambda: made.get("scaledobject", f"{NAME}-embedding"))
    settled(made, operator)
    yield made
    crd("delete", "namespace", namespace, "--wait=false")


def essence(item: Manifest) -> Manifest:
    """Return an object without what each write changes."""
    metadata = item["metadata"]
    annotations = {
        k: v for k, v in metadata.get("annotations", {}).items() if "deployment.kubernetes.io" not in k
    }
    kept = {field: metadata.get(field) for field in ("uid", "labels", "ownerReferences")}
    rest = {field: value for field, value in item.items() if field not in {"metadata", "status"}}
    return {**rest, "metadata": {**kept, "annotations": annotations}}


def seen(kube: Kube) -> dict[str, Manifest]:
    """Return all children."""
    return {f"{item['kind']}/{item['metadata']['name']}": essence(item) for item in kube.list(CHILDREN)}


def versions(kube: Kube) -> dict[str, str]:
    items = kube.list(f"{CHILDREN},ragpipelines")
    return {
        f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in items
    }


def settled(kube: Kube, operator: float) -> bool:
    """Wait until nothing was written over two of the operator's own periods."""

    def steady() -> bool:
        before = versions(kube)
        time.sleep(2.5 * operator)
        return before == versions(kube)

    return eventually(steady)


def short(command: str) -> str:
    """Return a command as a row of the table of results says it."""
    patch = re.fullmatch(r'patch (\S+) .*"op": "(\w+)", "path": "([^"]+)".*', command)
    return f"{patch[1]}: {patch[2]} {patch[3]}" if patch else command


@pytest.mark.parametrize("command", PUT_RIGHT, ids=short)
def test_an_edit_is_put_right(kube: Kube, command: str) -> None:
    before = seen(kube)
    kube(*shlex.split(command))
    assert eventually(lambda: seen(kube) == before, pause=0.5)


def test_what_was_done_while_the_operator_was_away_is_put_right(
    kube: Kube, bare: bool, own_operator: OwnOperator
) -> None:
    if not bare:
        pytest.skip("an operator that is not ours is left alone")
    before, redis = seen(kube), f"StatefulSet/{NAME}-redis"
    own_operator.kill()
    try:
        for command in WHILE_AWAY:
            kube(*shlex.split(command))
        _make_again(kube, "statefulset", f"{NAME}-redis", serviceName="theirs")
    finally:
        own_operator.start()

    def restored() -> bool:
        after = seen(kube)
        if remade := after.get(redis):  # it is another object now
            remade["metadata"]["uid"] = before[redis]["metadata"]["uid"]
        return after == before

    assert eventually(restored, pause=0.5)


def _make_again(kube: Kube, kind: str, name: str, **spec: str) -> None:
    """Make an object anew with fields that nobody can change in one."""
    found = kube.get(kind, name)
    assert found
    kept = ("name", "labels", "annotations", "ownerReferences")
    metadata = {field: found["metadata"][field] for field in kept}
    made = {**found, "metadata": metadata, "spec": {**found["spec"], **spec}}
    kube("replace", "--force", "--filename=-", stdin=json.dumps(made))


def test_what_is_theirs_stays(kube: Kube, operator: float) -> None:
    for command in LEFT:
        kube(*shlex.split(command))
    edited = seen(kube)
    assert settled(kube, operator)
    assert seen(kube) == edited


def test_a_change_of_the_spec_arrives_after_all(kube: Kube, operator: float) -> None:
    def spec() -> Manifest:
        found: Manifest = seen(kube)[f"Deployment/{NAME}-api"]["spec"]
        return found

    def spread() -> list[Manifest]:
        found: list[Manifest] = spec()["template"]["spec"]["topologySpreadConstraints"]
        return found

    theirs = spread()
    api = {"replicas": 3, "resources": AMOUNTS}
    kube.patch("ragpipeline", NAME, {"spec": {"images": {"api": "another:2"}, "api": api}})

    def arrived() -> bool:
        now = spec()
        return bool(now["replicas"] == 3 and now["template"]["spec"]["containers"][0]["image"] == "another:2")

    assert eventually(arrived)
    assert settled(kube, operator)
    assert len(theirs) == 2
    assert (
        seen(kube)["Deployment/demo-api"]["spec"]["template"]["spec"]["topologySpreadConstraints"] == theirs
    )
