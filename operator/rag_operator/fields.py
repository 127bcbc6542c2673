"""Field types that the RagPipeline's models share: the base model, CEL rules, quantities, references."""

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic.alias_generators import to_camel

SIZE_PATTERN = r"^[1-9][0-9]*(k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$"
# What Kubernetes takes as the name of most objects, and as a key in a Secret.
DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_SUBDOMAIN = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
SECRET_KEY = r"\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*"

HttpUrl = Annotated[str, Field(min_length=8, max_length=2048, pattern="^https?://")]
ImageName = Annotated[str, Field(min_length=1, max_length=512)]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
# A size is whole bytes above zero, and always text: CEL's quantity() compares the new one with the old.
Size = Annotated[str, Field(min_length=1, max_length=32, pattern=SIZE_PATTERN)]
# An amount of CPU or memory may be a number (`cpu: 2`) as in every pod.
Amount = Annotated[
    str,
    BeforeValidator(str),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 32, "pattern": QUANTITY_PATTERN}),
]
AccessMode = Literal["ReadWriteOnce", "ReadWriteMany"]
RetentionPolicy = Literal["Retain", "Delete"]


class Part(BaseModel):
    """One object of the resource: immutable, camelCase in YAML, snake_case in Python.

    Unknown fields are ignored, for a newer CRD may already be installed while this operator still runs.
    """

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


class Rule(NamedTuple):
    """One CEL rule that the API server enforces, with the sentence that a refused user reads."""

    rule: str
    message: str
    field_path: str | None = None

    def schema(self) -> dict[str, JsonValue]:
        """Return the rule as an entry of x-kubernetes-validations."""
        schema: dict[str, JsonValue] = {"rule": self.rule, "message": self.message}
        return schema | ({"fieldPath": self.field_path} if self.field_path else {})


def validations(*items: Rule) -> dict[str, JsonValue]:
    """Return what attaches CEL rules to the schema of a model or a field."""
    return {"x-kubernetes-validations": [item.schema() for item in items]}


def rules(*items: Rule) -> ConfigDict:
    """Attach CEL rules to the schema of a model."""
    return ConfigDict(json_schema_extra=validations(*items))


EXACTLY_ONE = Rule(
    "has(self.managed) != has(self.external)", "exactly one of managed or external must be set"
)

# The sentences are rules and not patterns: of a pattern the API server shows nothing but the expression.
OBJECT_NAME_RULE = Rule(
    f"self.matches(r'^{DNS_SUBDOMAIN}$')",
    "must be the plain name of an object: lower-case letters, digits, dashes and dots, a letter or digit "
    "first and last",
)
SECRET_KEY_RULE = Rule(
    f"self.matches(r'^{SECRET_KEY}$')",
    "must be a key of a Secret: letters, digits, dashes, underscores and dots, at most one dot first",
)
# Not enforced by the models: an object that was stored before the rules must still get a status that says so.
ObjectName = Annotated[
    str, Field(min_length=1, max_length=253, json_schema_extra=validations(OBJECT_NAME_RULE))
]
SecretKey = Annotated[
    str, Field(min_length=1, max_length=253, json_schema_extra=validations(SECRET_KEY_RULE))
]


class SecretKeyRef(Part):
    """One key of a Secret in the pipeline's namespace."""

    name: ObjectName = Field(description="Name of the Secret, in the namespace of the pipeline.")
    key: SecretKey = Field(description="Key within the Secret.")

    @property
    def mistake(self) -> str | None:
        """What is wrong with the reference itself, in a sentence; None if the Secret can be asked for."""
        if not re.fullmatch(DNS_SUBDOMAIN, self.name):
            return f"{self.name!r} is no name of a Secret; it {OBJECT_NAME_RULE.message}"
        if not re.fullmatch(SECRET_KEY, self.key):
            return f"{self.key!r} is no key of Secret {self.name}; it {SECRET_KEY_RULE.message}"
        return None


class LocalRef(Part):
    """An object in the pipeline's namespace."""

    name: ObjectName = Field(description="Name of the object, in the namespace of the pipeline.")


RESOURCE_NAMES_RULE = Rule(
    f"self.all(name, name.matches(r'^({DNS_SUBDOMAIN}/)?[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$'))",
    "must be given by the names of resources, such as cpu, memory or example.com/gpu",
)


class Resources(Part):
    """Compute resources of a container."""

    requests: dict[str, Amount] = Field(
        default={},
        max_length=8,
        description="What the scheduler reserves, by resource name (cpu, memory).",
        json_schema_extra=validations(RESOURCE_NAMES_RULE),
    )
    limits: dict[str, Amount] = Field(
        default={},
        max_length=8,
        description="What the container may use at most, by resource name.",
        json_schema_extra=validations(RESOURCE_NAMES_RULE),
    )


VOLUME_RULES = (
    Rule("quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0", "a volume can grow but never shrink"),
    Rule(
        "has(self.storageClassName) == has(oldSelf.storageClassName) && "
        "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
        "storageClassName cannot change once the volume exists; put it back or make another pipeline",
    ),
)
ACCESS_MODE_RULE = Rule(
    "self.accessMode == oldSelf.accessMode",
    "accessMode cannot change once the volume exists; put it back or make another pipeline",
)


class Volume(Part):
    """A persistent volume claim that the operator makes."""

    model_config = rules(*VOLUME_RULES)

    size: Size = Field(
        default="1Gi", description="Size of the volume. It can grow if the storage class allows it."
    )
    storage_class_name: ObjectName | None = Field(
        default=None, description="Storage class of the volume; the cluster's default when unset."
    )


def resources(cpu: str, memory: str, memory_limit: str) -> Resources:
    """Return the resources of a part whose CPU is never throttled unless the user asks for it."""
    return Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": memory_limit})


SMALL = resources("10m", "64Mi", "256Mi")
