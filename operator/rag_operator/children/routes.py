"""The way in from outside: an Ingress or an HTTPRoute, to the embedding pods and to the API.

Files of any size and answers of any length pass: the API has its own limits, and says what they are.
"""

from rag_contract.endpoints import API_PORT, EMBEDDING_PATH, EMBEDDING_PORT
from rag_operator import names
from rag_operator.children.objects import component_child
from rag_operator.children.site import Site
from rag_operator.names import HTTP_ROUTE, INGRESS, Component, Manifest
from rag_operator.spec.expose import Gateway, Ingress, Tls

# What the controllers need that would else cut uploads and streams short; each reads only its own. Others
# are set up for it by themselves, or have no annotation for it: docs/routes.md.
_NGINX = {
    "proxy-body-size": "0",
    "proxy-request-buffering": "off",
    "proxy-buffering": "off",
    "proxy-read-timeout": "3600",
    "proxy-send-timeout": "3600",
    "load-balance": "ewma",
}
ANNOTATIONS = {
    **{f"nginx.ingress.kubernetes.io/{name}": value for name, value in _NGINX.items()},
    "projectcontour.io/response-timeout": "infinity",
}
# Of a request with its answer, in an HTTPRoute.
NO_LIMIT = "0s"


def manifests(site: Site) -> list[Manifest]:
    """Return the Ingress or the HTTPRoute; none where none is wanted, or the cluster has no such kind."""
    expose = site.spec.expose
    if expose and expose.ingress:
        return [_ingress(site, expose.ingress)]
    if expose and expose.gateway and site.gateway_api:
        return [_http_route(site, expose.gateway)]
    return []


def _backends(site: Site) -> dict[str, tuple[str, int]]:
    """Return the Service and port behind each path, the more special one first."""
    embedding = Component.EMBEDDING.of(site.indexes.serving)
    return {
        EMBEDDING_PATH: (names.child_name(site.pipeline, embedding), EMBEDDING_PORT),
        "/": (names.child_name(site.pipeline, Component.API), API_PORT),
    }


def _ingress(site: Site, ingress: Ingress) -> Manifest:
    paths = [
        {
            "path": path,
            "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"number": port}}},
        }
        for path, (service, port) in _backends(site).items()
    ]
    spec: Manifest = {"rules": [{"host": ingress.host, "http": {"paths": paths}}]}
    if ingress.class_name:
        spec["ingressClassName"] = ingress.class_name
    annotations = dict(ANNOTATIONS)
    if ingress.tls:
        secret = ingress.tls.secret_name or f"{site.pipeline.metadata.name}-tls"
        spec["tls"] = [{"hosts": [ingress.host], "secretName": secret}]
        annotations |= _issuer(ingress.tls)
    made = component_child(site, INGRESS.kind, Component.ROUTE, {"spec": spec})
    made["metadata"]["annotations"] = annotations | ingress.annotations
    return made


def _issuer(tls: Tls) -> dict[str, str]:
    chosen = {"issuer": tls.issuer, "cluster-issuer": tls.cluster_issuer}
    return {f"cert-manager.io/{kind}": name for kind, name in chosen.items() if name}


def _http_route(site: Site, gateway: Gateway) -> Manifest:
    parent = gateway.model_dump(exclude={"hostnames"}, by_alias=True, exclude_none=True)
    rules = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "backendRefs": [{"name": service, "port": port}],
            "timeouts": {"request": NO_LIMIT},
        }
        for path, (service, port) in _backends(site).items()
    ]
    spec = {"parentRefs": [parent], "hostnames": list(gateway.hostnames), "rules": rules}
    return component_child(site, HTTP_ROUTE.kind, Component.ROUTE, {"spec": spec})
