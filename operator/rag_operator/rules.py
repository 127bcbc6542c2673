"""Rules of the resource, in CEL: each with the sentence that a refused user reads.

None is a pattern, of which the API server would show nothing but the expression. A rule that is younger than
a pipeline says nothing about it until somebody changes the value that the rule stands at: so each stands as
near to what it speaks about as it can. At the resource itself, which every status changes, stand only rules
of new ones.
"""

from typing import NamedTuple

from pydantic import ConfigDict, JsonValue

# What Kubernetes takes as the name of most objects, and as a key in a Secret.
DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_SUBDOMAIN = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
SECRET_KEY = r"\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*"
# What Kubernetes takes as the name of a label, an annotation or a resource, after its prefix.
QUALIFIED_NAME = r"[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"


class Rule(NamedTuple):
    """One CEL rule that the API server enforces, with the sentence that a refused user reads."""

    rule: str
    message: str
    field_path: str | None = None
    of_new_ones_only: bool = False
    """Whether a pipeline that is there already may break it; the rule then asks for oldSelf."""

    def schema(self) -> dict[str, JsonValue]:
        """Return the rule as an entry of x-kubernetes-validations."""
        schema: dict[str, JsonValue] = {"rule": self.rule, "message": self.message}
        if self.field_path:
            schema["fieldPath"] = self.field_path
        if self.of_new_ones_only:
            schema |= {"rule": f"oldSelf.hasValue() || ({self.rule})", "optionalOldSelf": True}
        return schema


def validations(*items: Rule) -> dict[str, JsonValue]:
    """Return what attaches CEL rules to the schema of a model or a field."""
    return {"x-kubernetes-validations": [item.schema() for item in items]}


def rules(*items: Rule) -> ConfigDict:
    """Attach CEL rules to the schema of a model."""
    return ConfigDict(json_schema_extra=validations(*items))


def spelt(pattern: str, sentence: str) -> Rule:
    """Return the rule of a text that is spelt in one way, whole."""
    return Rule(f"self.matches(r'^{pattern}$')", sentence)


def keys_spelt(pattern: str, sentence: str) -> Rule:
    """Return the rule of a map whose keys are spelt in one way, whole."""
    return Rule(f"self.all(name, name.matches(r'^{pattern}$'))", sentence)


def exactly_one(first: str, second: str) -> Rule:
    """Return the rule of two fields of which one says who does something."""
    return Rule(f"has(self.{first}) != has(self.{second})", f"exactly one of {first} or {second} must be set")


EXACTLY_ONE = exactly_one("managed", "external")
