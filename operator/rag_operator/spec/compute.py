"""Compute resources of containers: what they are called, how they are counted, and how they go together.

Before Kubernetes 1.34 an API server that estimates what rules cost takes each amount, which may be a number
or a text, for three megabytes: to read one costs 0.3 of the 100 million that all rules may. To ask for its
first or last letters, or by `in` for its type, costs nothing.
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from rag_operator.fields import Part
from rag_operator.quantities import at_least
from rag_operator.rules import DNS_SUBDOMAIN, QUALIFIED_NAME, Rule, rules, validations

_PLAIN = "['cpu', 'memory', 'ephemeral-storage']"
_DIGITS = "['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']"


def _readable(amount: str) -> str:
    return f"(type({amount}) in [int] || isQuantity({amount}))"


def _quantity(amount: str) -> str:
    return f"(type({amount}) in [int] ? quantity('0').add(int({amount})) : quantity({amount}))"


def _whole(amount: str) -> str:
    """Return whether an amount is a number, or a text of at most five digits."""
    digits = f"[0, 1, 2, 3, 4].all(i, i >= size({amount}) || {amount}.charAt(i) in {_DIGITS})"
    return f"(type({amount}) in [int] || (size({amount}) in [1, 2, 3, 4, 5] && {digits}))"


NAMES_RULE = Rule(
    f"self.all(name, name in {_PLAIN} || (size(name) <= 200 && !name.startsWith('requests.') && "
    f"name.matches(r'^{DNS_SUBDOMAIN}/{QUALIFIED_NAME}$')))",
    "must be given by the names of resources: cpu, memory, ephemeral-storage, or a device such as"
    " nvidia.com/gpu",
)
AMOUNTS_RULE = Rule(
    f"self.all(name, {_readable('self[name]')} && (type(self[name]) in [int] || !(self[name].startsWith('-')"
    " || (name != 'cpu' && ['m', 'u', 'n'].exists(unit, self[name].endsWith(unit))))))",
    "must be amounts such as 500m of cpu, 512Mi of memory or 1 of a device: none below zero, and none but cpu"
    " in thousandths (m)",
)
DEVICES_RULE = Rule(
    f"self.all(name, name in {_PLAIN} || {_whole('self[name]')})",
    "devices such as nvidia.com/gpu are counted in whole numbers",
)
LEAST_MEMORY_RULE = Rule(
    f"['memory'].all(name, !(name in self) || !{_readable('self[name]')}"
    f" || !{_quantity('self[name]')}.isLessThan(quantity('16Mi')))",
    "a container needs 16Mi of memory or more: raise the limit, which is in bytes where it has no unit",
)
REQUEST_RULE = Rule(
    f"{_PLAIN}.all(name, !(name in self.requests) || !(name in self.limits)"
    f" || !{_readable('self.requests[name]')} || !{_readable('self.limits[name]')}"
    f" || !{_quantity('self.requests[name]')}.isGreaterThan({_quantity('self.limits[name]')}))",
    "a request cannot be above its limit: lower the request or raise the limit",
)
DEVICE_REQUEST_RULE = Rule(
    f"self.requests.all(name, name in {_PLAIN} || (name in self.limits"
    f" && (!{_whole('self.requests[name]')} || !{_whole('self.limits[name]')}"
    " || double(self.requests[name]) == double(self.limits[name]))))",
    "a device such as nvidia.com/gpu is not shared: give it in limits, and the same or nothing in requests",
)


# An amount of CPU or memory may be a number (`cpu: 2`) as in every pod.
Amount = Annotated[
    str,
    BeforeValidator(str),
    AfterValidator(at_least(0, AMOUNTS_RULE.message)),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 32, "minimum": 0}),
]


class Resources(Part):
    """Compute resources of a container."""

    model_config = rules(REQUEST_RULE, DEVICE_REQUEST_RULE)

    requests: dict[str, Amount] = Field(
        default={},
        max_length=8,
        description="What the scheduler reserves, by resource name (cpu, memory).",
        json_schema_extra=validations(NAMES_RULE, AMOUNTS_RULE),
    )
    limits: dict[str, Amount] = Field(
        default={},
        max_length=8,
        description="What the container may use at most, by resource name.",
        json_schema_extra=validations(NAMES_RULE, AMOUNTS_RULE, DEVICES_RULE, LEAST_MEMORY_RULE),
    )


def resources(cpu: str, memory: str, memory_limit: str) -> Resources:
    """Return the resources of a part whose CPU is never throttled unless the user asks for it."""
    return Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": memory_limit})


SMALL = resources("10m", "64Mi", "256Mi")
