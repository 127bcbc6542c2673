"""Sizes, and the volumes that the operator claims."""

from typing import Annotated

from pydantic import AfterValidator, Field

from rag_operator.fields import ObjectName, Part
from rag_operator.quantities import parse_quantity
from rag_operator.rules import Rule, rules, validations

SIZE_RULE = Rule(
    "isQuantity(self) && quantity(self).isInteger() && quantity(self).isGreaterThan(quantity('0'))"
    " && !quantity(self).isGreaterThan(quantity('8191Pi'))",
    "must be a size in whole bytes above zero, such as 10Gi; the largest is 8191Pi",
)


def _checked(size: str) -> str:
    number = parse_quantity(size)
    if number is None or number < 1:
        raise ValueError(f"it {SIZE_RULE.message}")
    return size


# Always text: CEL's quantity() compares the new one with the old.
Size = Annotated[
    str,
    AfterValidator(_checked),
    Field(min_length=1, max_length=32, json_schema_extra=validations(SIZE_RULE)),
]
VOLUME_RULES = (
    Rule(
        "!isQuantity(self.size) || !isQuantity(oldSelf.size)"
        " || !quantity(self.size).isLessThan(quantity(oldSelf.size))",
        "a volume can grow but never shrink",
    ),
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
