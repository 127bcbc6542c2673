"""How a pipeline is reached from outside, by what was seen of its route. Pure.

The condition RouteReady is there where `spec.expose` is set. It is Unknown for an Ingress whose controller
names no address, as many do not: that keeps nobody from being Ready.
"""

from collections.abc import Iterator

from rag_operator.evidence import Evidence
from rag_operator.names import HTTP_ROUTE, INGRESS, Component, Manifest
from rag_operator.spec.expose import Gateway
from rag_operator.verdicts import NOT_CREATED, PROGRESSING, Verdict, of_failure

NO_ADDRESS = "NoAddress"
NOT_INSTALLED = Verdict(
    "False",
    "GatewayApiNotInstalled",
    "the cluster has no HTTPRoutes; install the Gateway API, or set expose.ingress",
)
_SCHEMES = {"HTTPS": "https", "HTTP": "http"}
_USUAL_PORTS = {"https": 443, "http": 80}


def external_url(evidence: Evidence) -> str | None:
    """Return what a user outside opens; None where the pipeline is not exposed, or cannot be."""
    expose = evidence.spec.expose
    if expose and expose.ingress:
        return f"{'https' if expose.ingress.tls else 'http'}://{expose.ingress.host}"
    if expose and expose.gateway and evidence.observed.gateway_api:
        return _gateway_url(expose.gateway, evidence.observed.gateway)
    return None


def _gateway_url(gateway: Gateway, found: Manifest | None) -> str:
    """Return the URL by the listener that takes the route, of several one with TLS."""
    host = gateway.hostnames[0]
    listeners = sorted(_listeners(gateway, found), key=lambda each: str(each["protocol"]), reverse=True)
    if not listeners:
        return f"http://{host}"
    scheme, port = _SCHEMES[listeners[0]["protocol"]], listeners[0]["port"]
    return f"{scheme}://{host}" + ("" if port == _USUAL_PORTS[scheme] else f":{port}")


def _listeners(gateway: Gateway, found: Manifest | None) -> Iterator[Manifest]:
    for listener in found["spec"]["listeners"] if found else ():
        named = gateway.section_name in {None, listener["name"]}
        if named and listener["protocol"] in _SCHEMES and _takes(listener, gateway.hostnames[0]):
            yield listener


def _takes(listener: Manifest, host: str) -> bool:
    pattern = str(listener.get("hostname", ""))
    return pattern in {"", host} or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def of_route(evidence: Evidence) -> Verdict | None:
    """Judge the Ingress or the HTTPRoute by what its controller says of it."""
    expose = evidence.spec.expose
    if expose is None:
        return None
    if refused := evidence.refused(Component.ROUTE):
        return of_failure(refused)
    if expose.gateway and not evidence.observed.gateway_api:
        return NOT_INSTALLED
    kind = (HTTP_ROUTE if expose.gateway else INGRESS).kind
    route = evidence.child(kind, Component.ROUTE)
    if route is None:
        return Verdict("False", NOT_CREATED, f"the {kind} is not created yet")
    return _http_route(expose.gateway, route) if expose.gateway else _ingress(route)


def _ingress(ingress: Manifest) -> Verdict:
    points = ingress.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    if addresses := [each.get("hostname") or each.get("ip") for each in points]:
        return Verdict("True", "AddressAssigned", f"the Ingress is served at {addresses[0]}")
    return Verdict("Unknown", NO_ADDRESS, "the Ingress has no address; not all controllers name one")


def _http_route(gateway: Gateway, route: Manifest) -> Verdict:
    parents = route.get("status", {}).get("parents") or []
    said = [condition for parent in parents for condition in parent["conditions"]]
    refused = next((each for each in said if each["status"] == "False"), None)
    if refused:
        return Verdict("False", refused["reason"], f"{refused['type']} is False: {refused['message']}")
    if not {"Accepted", "ResolvedRefs"} <= {each["type"] for each in said if each["status"] == "True"}:
        message = f"no controller has accepted the HTTPRoute yet; look at Gateway {gateway.name}"
        return Verdict("False", PROGRESSING, message)
    return Verdict("True", "Accepted", f"Gateway {gateway.name} takes the HTTPRoute")
