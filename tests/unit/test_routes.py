"""The Ingress or HTTPRoute of a pipeline that is exposed."""

from typing import Any

import pytest
from tests.unit.pipelines import GATEWAY, HOST, INGRESS, children, pipeline, reindexing

from rag_operator.conflicts import conflicts
from rag_operator.names import Manifest

TLS = {"secretName": "certificate"}
ROUTES = {"Ingress", "HTTPRoute"}
BACKENDS = [("/api/v1/embedding", "demo-embedding", 8003), ("/", "demo-api", 8000)]


def made(kind: str, **spec: Any) -> Manifest:
    return children(**spec)[kind, "demo-route"]


def ingress(**parts: Any) -> Manifest:
    return made("Ingress", expose={"ingress": {"host": HOST, **parts}})


def ingress_backends(route: Manifest) -> list[tuple[str, str, int]]:
    (rule,) = route["spec"]["rules"]
    services = [(each["path"], each["backend"]["service"]) for each in rule["http"]["paths"]]
    return [(path, service["name"], service["port"]["number"]) for path, service in services]


def http_backends(route: Manifest) -> list[tuple[str, str, int]]:
    return [
        (match["path"]["value"], backend["name"], backend["port"])
        for rule in route["spec"]["rules"]
        for match, backend in zip(rule["matches"], rule["backendRefs"], strict=True)
    ]


def test_a_pipeline_is_not_exposed_unless_somebody_asks_for_it() -> None:
    assert not {kind for kind, _ in children()} & ROUTES


def test_an_ingress_has_the_two_routes() -> None:
    route = made("Ingress", expose=INGRESS)
    assert route["spec"]["ingressClassName"] == "nginx"
    assert route["spec"]["rules"][0]["host"] == HOST
    assert ingress_backends(route) == BACKENDS
    assert "tls" not in route["spec"]


def test_an_http_route_has_the_same_two_and_its_gateway() -> None:
    route = made("HTTPRoute", expose=GATEWAY)
    assert route["spec"]["parentRefs"] == [{"name": "shared", "namespace": "edge"}]
    assert route["spec"]["hostnames"] == [HOST]
    assert http_backends(route) == BACKENDS
    assert [rule["timeouts"] for rule in route["spec"]["rules"]] == [{"request": "0s"}] * 2


def test_an_http_route_may_name_the_listener() -> None:
    gateway = {"name": "shared", "sectionName": "https", "hostnames": [HOST]}
    route = made("HTTPRoute", expose={"gateway": gateway})
    assert route["spec"]["parentRefs"] == [{"name": "shared", "sectionName": "https"}]


def test_a_cluster_without_the_gateway_api_gets_no_http_route() -> None:
    assert not {kind for kind, _ in children(gateway_api=False, expose=GATEWAY)} & ROUTES


@pytest.mark.parametrize(("kind", "expose"), [("Ingress", INGRESS), ("HTTPRoute", GATEWAY)])
def test_routes_lead_to_the_index_that_serves(kind: str, expose: Manifest) -> None:
    indexes = reindexing(pipeline())
    assert indexes.next
    risen = indexes.model_copy(update={"serving": indexes.next, "next": None, "retiring": indexes.serving})
    route = made(kind, expose=expose, indexes=risen)
    backends = ingress_backends(route) if kind == "Ingress" else http_backends(route)
    assert backends[0] == ("/api/v1/embedding", "demo-embedding-b", 8003)


def test_uploads_and_streams_pass_and_the_least_busy_pod_is_asked() -> None:
    annotations = ingress()["metadata"]["annotations"]
    nginx = {name.rpartition("/")[2]: text for name, text in annotations.items() if name.startswith("nginx")}
    assert nginx["proxy-body-size"] == "0"
    assert nginx["proxy-buffering"] == nginx["proxy-request-buffering"] == "off"
    assert nginx["load-balance"] == "ewma"
    assert annotations["projectcontour.io/response-timeout"] == "infinity"


def test_annotations_of_the_user_win() -> None:
    name = "nginx.ingress.kubernetes.io/proxy-body-size"
    given = ingress(annotations={name: "10m", "example.com/team": "search"})["metadata"]["annotations"]
    assert given[name] == "10m"
    assert given["example.com/team"] == "search"
    assert given["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"


@pytest.mark.parametrize(
    ("tls", "secret", "annotation"),
    [
        (TLS, "certificate", None),
        ({"issuer": "ca"}, "demo-tls", ("cert-manager.io/issuer", "ca")),
        ({**TLS, "clusterIssuer": "acme"}, "certificate", ("cert-manager.io/cluster-issuer", "acme")),
    ],
)
def test_a_certificate_is_named_or_made(
    tls: Manifest, secret: str, annotation: tuple[str, str] | None
) -> None:
    route = ingress(tls=tls)
    assert route["spec"]["tls"] == [{"hosts": [HOST], "secretName": secret}]
    issuers = {each for each in route["metadata"]["annotations"].items() if "cert-manager" in each[0]}
    assert issuers == ({annotation} if annotation else set())


@pytest.mark.parametrize(("kind", "expose"), [("Ingress", INGRESS), ("HTTPRoute", GATEWAY)])
@pytest.mark.parametrize("service", ["demo-api", "demo-embedding"])
def test_no_route_leads_to_a_service_of_somebody_else(kind: str, expose: Manifest, service: str) -> None:
    theirs = {"kind": "Service", "metadata": {"name": service, "namespace": "team"}}
    assert (kind, "demo-route") in conflicts(list(children(expose=expose).values()), [theirs])
