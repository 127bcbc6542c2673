"""How a pipeline is reached from outside of the cluster: by an Ingress, or by a route of a Gateway."""

from typing import Annotated

from pydantic import Field

from rag_operator.fields import ObjectName, Part
from rag_operator.rules import (
    DNS_LABEL,
    DNS_SUBDOMAIN,
    QUALIFIED_NAME,
    Rule,
    exactly_one,
    keys_spelt,
    rules,
    spelt,
    validations,
)

HOST_RULE = Rule(
    f"self.matches(r'^{DNS_SUBDOMAIN}$') && !self.matches('^[0-9.]+$')"
    " && self.split('.').all(label, size(label) <= 63)",
    "must be the whole name of a host in lower case, such as rag.example.com: no address, scheme, port, path"
    " or *",
)
HostName = Annotated[str, Field(min_length=1, max_length=253, json_schema_extra=validations(HOST_RULE))]
NAMESPACE_RULE = spelt(
    DNS_LABEL,
    "must be a namespace: lower-case letters, digits and dashes, a letter or digit first and last",
)
ANNOTATION_NAMES_RULE = keys_spelt(
    f"({DNS_SUBDOMAIN}/)?{QUALIFIED_NAME}",
    "must be given by the names of annotations, such as nginx.ingress.kubernetes.io/limit-rps",
)
# Kubernetes takes 256 KiB for all annotations of an object; a character has up to four bytes.
ANNOTATIONS_SIZE_RULE = Rule(
    "self.map(name, size(name) + size(self[name])).sum() <= 60000",
    "must have 60,000 characters or less in all, names and values together",
)


class Tls(Part):
    """The certificate of an Ingress."""

    model_config = rules(
        Rule(
            "has(self.secretName) || has(self.issuer) || has(self.clusterIssuer)",
            "set secretName to the Secret with the certificate, or have cert-manager make it by issuer or "
            "clusterIssuer",
        ),
        Rule("!(has(self.issuer) && has(self.clusterIssuer))", "set issuer or clusterIssuer, not both"),
    )

    secret_name: ObjectName | None = Field(
        default=None,
        description="Secret with the certificate, of type kubernetes.io/tls. Unset: the pipeline's name and"
        " -tls, which cert-manager makes.",
    )
    issuer: ObjectName | None = Field(
        default=None, description="Issuer by which cert-manager makes the certificate."
    )
    cluster_issuer: ObjectName | None = Field(
        default=None, description="ClusterIssuer by which cert-manager makes the certificate."
    )


class Ingress(Part):
    """An Ingress."""

    model_config = rules(
        Rule(
            "!has(self.className) || !has(self.annotations)"
            " || !('kubernetes.io/ingress.class' in self.annotations)",
            "set className or the annotation kubernetes.io/ingress.class, not both",
        )
    )

    class_name: ObjectName | None = Field(
        default=None, description="IngressClass; the cluster's default when unset."
    )
    host: HostName = Field(description="Host name under which the pipeline is reached.")
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default={},
        max_length=32,
        description="Annotations for the controller. They win over those that the operator sets for"
        " ingress-nginx and Contour.",
        json_schema_extra=validations(ANNOTATION_NAMES_RULE, ANNOTATIONS_SIZE_RULE),
    )
    tls: Tls | None = Field(default=None, description="The certificate. Unset: plain HTTP.")


class Gateway(Part):
    """An HTTPRoute, and the Gateway whose listeners it is attached to."""

    name: ObjectName = Field(description="Name of the Gateway.")
    namespace: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="Namespace of the Gateway; the pipeline's when unset.",
        json_schema_extra=validations(NAMESPACE_RULE),
    )
    section_name: ObjectName | None = Field(
        default=None, description="Listener of the Gateway; all that take the host names when unset."
    )
    hostnames: list[HostName] = Field(
        min_length=1,
        max_length=16,
        description="Host names under which the pipeline is reached. The first one is in status.url.",
    )


class Expose(Part):
    """How the pipeline is reached from outside."""

    model_config = rules(exactly_one("ingress", "gateway"))

    ingress: Ingress | None = Field(default=None, description="Make an Ingress.")
    gateway: Gateway | None = Field(default=None, description="Make an HTTPRoute for this Gateway.")
