"""A pipeline that is exposed: its Ingress, and its HTTPRoute wherever the Gateway API is, by its own CRDs."""

from collections.abc import Iterator

import pytest

from tests.cluster.kube import NAME, Kube, Manifest, pipeline
from tests.cluster.optional_kinds import OptionalKinds, gateway_api
from tests.patience import eventually

HOST = "rag.example.com"
INGRESS: Manifest = {"ingress": {"host": HOST}}
GATEWAY: Manifest = {"gateway": {"name": "shared", "hostnames": [HOST]}}
ROUTE = f"{NAME}-route"

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def gateway_kinds(crd: Kube, bare: bool) -> Iterator[OptionalKinds]:
    """The kinds of the Gateway API, which the cluster has not, and which are taken away again."""
    with gateway_api().unknown(crd, bare=bare) as kinds:
        yield kinds


def url(kube: Kube) -> str | None:
    found = kube.get("ragpipeline", NAME)
    return str(found["status"]["url"]) if found and "url" in found.get("status", {}) else None


def reason(kube: Kube) -> str | None:
    condition = kube.condition("RouteReady")
    return str(condition["reason"]) if condition else None


def test_an_ingress_comes_and_goes_with_what_asks_for_it(kube: Kube) -> None:
    kube.apply(pipeline(expose=INGRESS))
    eventually(lambda: kube.get("ingress", ROUTE))
    eventually(lambda: url(kube) == f"http://{HOST}")
    assert reason(kube) == "NoAddress"
    kube.patch("ingress", ROUTE, {"spec": {"rules": [{"host": "elsewhere.example.com"}]}})
    eventually(lambda: hosts(kube) == [HOST])
    kube.apply(pipeline())
    eventually(lambda: kube.get("ingress", ROUTE) is None)
    eventually(lambda: url(kube) == f"http://{NAME}-api.{kube.namespace}:8000")
    assert reason(kube) is None


def hosts(kube: Kube) -> list[str]:
    route = kube.get("ingress", ROUTE)
    return [each["host"] for each in route["spec"]["rules"]] if route else []


def test_an_http_route_is_made_once_there_is_such_a_kind(kube: Kube, gateway_kinds: OptionalKinds) -> None:
    kube.apply(pipeline(expose=GATEWAY))
    eventually(lambda: reason(kube) == "GatewayApiNotInstalled")
    gateway_kinds.install(kube)
    kube.apply(gateway())
    eventually(lambda: kube.get("httproute", ROUTE))
    eventually(lambda: url(kube) == f"https://{HOST}:8443")
    assert reason(kube) == "Progressing"
    taken = [{"type": kind, "status": "True", **WHY} for kind in ("Accepted", "ResolvedRefs")]
    parent = {"controllerName": "example.com/gateway", "parentRef": {"name": "shared"}, "conditions": taken}
    status = {"status": {"parents": [parent]}}
    kube.patch("httproute", ROUTE, status, "--subresource=status")
    eventually(lambda: reason(kube) == "Accepted")


WHY = {"reason": "Fine", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}


def gateway() -> Manifest:
    listener = {
        "name": "https",
        "protocol": "HTTPS",
        "port": 8443,
        "tls": {"certificateRefs": [{"name": "tls"}]},
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "shared"},
        "spec": {"gatewayClassName": "any", "listeners": [listener]},
    }
