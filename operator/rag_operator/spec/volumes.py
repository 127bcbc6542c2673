"""Sizes, and the volumes that the operator claims."""

from typing import Annotated

from pydantic import AfterValidator, Field

from rag_operator.fields import ObjectName, Part
from rag_operator.quantities import at_least
from rag_operator.rules import Rule, rules, validations

# Larger ones are all the same to Kubernetes, which counts in 63 bits.
SIZE_RULE = Rule(
    "self.matches('^[1-9][0-9]*(k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$')"
    " && quantity(self).isLessThan(quantity('8192Pi'))",
    "must be a size: a whole number above zero, with a unit where it is not bytes, such as 10Gi or 500M, and"
    " below 8192Pi",
)


# Always text: CEL's quantity() compares the new one with the old.
Size = Annotated[
    str,
    AfterValidator(at_least(1, SIZE_RULE.message)),
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
