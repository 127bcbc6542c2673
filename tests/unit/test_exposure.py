"""How a pipeline is reached from outside: its URL, and the condition RouteReady."""

from typing import Any

import pytest
from tests.unit.pipelines import GATEWAY, HOST, INGRESS, find, pipeline, run, site

from rag_operator.children import build
from rag_operator.conditions import conditions
from rag_operator.evidence import Evidence, Failure, Observed
from rag_operator.indexes import decide
from rag_operator.names import Manifest
from rag_operator.status import Condition
from rag_operator.summary import summarize

INSIDE = "http://demo-api.team:8000"
HTTP = {"name": "http", "protocol": "HTTP", "port": 80}
HTTPS = {"name": "https", "protocol": "HTTPS", "port": 443}
TAKEN = [{"type": kind, "status": "True"} for kind in ("Accepted", "ResolvedRefs")]


def evidence(
    expose: Manifest | None,
    *,
    status: Manifest | None = None,
    listeners: list[Manifest] | None = None,
    gateway_api: bool = True,
    failures: tuple[Failure, ...] = (),
) -> Evidence:
    """Return what is seen of a pipeline whose pods are ready, its route having a status."""
    spec: dict[str, Any] = {"expose": expose} if expose else {}
    made = run(build(site(gateway_api=gateway_api, **spec)))
    for item in made:
        if item["kind"] in {"Ingress", "HTTPRoute"}:
            item["status"] = status or {}
    gateway = {"spec": {"listeners": listeners}} if listeners else None
    seen = pipeline(**spec)
    observed = Observed(made, gateway_api=gateway_api, gateway=gateway)
    return Evidence(seen, decide(seen), observed, failures=failures)


def condition(seen: Evidence, kind: str = "RouteReady") -> Condition:
    return next(each for each in conditions(seen) if each.type == kind)


def gateway(**parts: Any) -> Manifest:
    return {"gateway": {**GATEWAY["gateway"], **parts}}


def said(*given: tuple[str, str, str]) -> Manifest:
    """Return the status of an HTTPRoute with some conditions."""
    found = [
        {"type": kind, "status": status, "reason": reason, "message": f"{reason} it is"}
        for kind, status, reason in given
    ]
    return {"parents": [{"conditions": found}]}


@pytest.mark.parametrize(
    ("seen", "url"),
    [
        (evidence(None), INSIDE),
        (evidence(INGRESS), f"http://{HOST}"),
        (evidence({"ingress": {"host": HOST, "tls": {"issuer": "ca"}}}), f"https://{HOST}"),
        (evidence(GATEWAY), f"http://{HOST}"),
        (evidence(GATEWAY, listeners=[HTTP]), f"http://{HOST}"),
        (evidence(GATEWAY, listeners=[HTTP, HTTPS]), f"https://{HOST}"),
        (evidence(gateway(sectionName="http"), listeners=[HTTP, HTTPS]), f"http://{HOST}"),
        (evidence(GATEWAY, listeners=[{**HTTPS, "port": 8443}]), f"https://{HOST}:8443"),
        (evidence(GATEWAY, listeners=[HTTP, {**HTTPS, "hostname": "*.example.com"}]), f"https://{HOST}"),
        (evidence(GATEWAY, listeners=[HTTP, {**HTTPS, "hostname": "*.example.org"}]), f"http://{HOST}"),
        (evidence(GATEWAY, listeners=[{"name": "db", "protocol": "TCP", "port": 5432}]), f"http://{HOST}"),
        (evidence(GATEWAY, gateway_api=False), INSIDE),
    ],
)
def test_the_url_is_what_a_user_opens(seen: Evidence, url: str) -> None:
    assert summarize(seen).url == url


def test_a_pipeline_that_is_not_exposed_has_no_such_condition() -> None:
    assert "RouteReady" not in {each.type for each in conditions(evidence(None))}


@pytest.mark.parametrize(
    ("seen", "status", "reason", "message"),
    [
        (
            evidence(INGRESS, status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
            "True",
            "AddressAssigned",
            "the Ingress is served at 192.0.2.1",
        ),
        (
            evidence(INGRESS),
            "Unknown",
            "NoAddress",
            "the Ingress has no address; not all controllers name one",
        ),
        (
            evidence(GATEWAY, status={"parents": [{"conditions": TAKEN}]}),
            "True",
            "Accepted",
            "Gateway shared takes the HTTPRoute",
        ),
        (
            evidence(GATEWAY),
            "False",
            "Progressing",
            "no controller has accepted the HTTPRoute yet; look at Gateway shared",
        ),
        (
            evidence(GATEWAY, status=said(("Accepted", "False", "NotAllowedByListeners"))),
            "False",
            "NotAllowedByListeners",
            "Accepted is False: NotAllowedByListeners it is",
        ),
        (
            evidence(
                GATEWAY,
                status=said(("Accepted", "True", "Accepted"), ("ResolvedRefs", "False", "RefNotPermitted")),
            ),
            "False",
            "RefNotPermitted",
            "ResolvedRefs is False: RefNotPermitted it is",
        ),
        (
            evidence(GATEWAY, gateway_api=False),
            "False",
            "GatewayApiNotInstalled",
            "the cluster has no HTTPRoutes; install the Gateway API, or set expose.ingress",
        ),
        (
            evidence(INGRESS, failures=(Failure("Ingress", "route", "Ingress demo-route: no such class"),)),
            "False",
            "ApplyFailed",
            "Ingress demo-route: no such class",
        ),
    ],
)
def test_the_condition_says_what_the_controller_says(
    seen: Evidence, status: str, reason: str, message: str
) -> None:
    found = condition(seen)
    assert (found.status, found.reason, found.message) == (status, reason, message)
    ready = condition(seen, "Ready")
    assert ready.status == ("False" if status == "False" else "True")
    assert ready.reason == (reason if status == "False" else "Ready")


def test_a_route_that_is_gone_is_on_its_way() -> None:
    seen = evidence(INGRESS)
    route = find(list(seen.observed.children), "Ingress", "demo-route")
    gone = Observed([each for each in seen.observed.children if each is not route])
    assert condition(Evidence(seen.pipeline, seen.indexes, gone)).reason == "NotCreated"
