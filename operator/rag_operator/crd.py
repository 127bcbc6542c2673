"""Print the CustomResourceDefinition, made from the models in `spec/`: `python -m rag_operator.crd`."""

import sys
from typing import Any, cast

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from rag_operator.pipeline import GROUP, KIND, PLURAL, VERSION, Spec
from rag_operator.rules import Rule, validations
from rag_operator.status import Status

Schema = dict[str, Any]

NAME_RULES = (
    Rule(
        "size(self.metadata.name) <= 40",
        "metadata.name must be at most 40 characters (names of children are derived from it)",
        of_new_ones_only=True,
    ),
    Rule(
        "self.metadata.name.matches('^[a-z][-a-z0-9]*$')",
        "metadata.name must be lower-case letters, digits and dashes, a letter first",
        of_new_ones_only=True,
    ),
)
# Without it a tool that follows kstatus takes a pipeline for done that the operator has not seen yet.
NOT_LOOKED_AT = {"observedGeneration": -1}
COLUMNS = [
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Reason", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].reason'},
    {"name": "Embed", "type": "string", "jsonPath": ".status.components.embedding.ready"},
    {"name": "Queue", "type": "integer", "jsonPath": ".status.queue.depth"},
    {"name": "Docs", "type": "integer", "jsonPath": ".status.documents"},
    {"name": "URL", "type": "string", "jsonPath": ".status.url"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Model", "type": "string", "priority": 1, "jsonPath": ".status.embeddingModel"},
    {
        "name": "Message",
        "type": "string",
        "priority": 1,
        "jsonPath": '.status.conditions[?(@.type=="Ready")].message',
    },
]


class StructuralSchema(GenerateJsonSchema):
    """JSON schema as the API server wants it: an unset field is absent, never null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave `| None` out of the schema."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave `= None` out of the schema."""
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def encode_default(self, dft: Any) -> Any:
        """Write the default of an object in full: the API server checks it against the rules as it stands."""
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        return super().encode_default(dft)


def schema_of(model: type[BaseModel]) -> Schema:
    """Return the structural schema of a model, with every reference resolved in place."""
    schema = model.model_json_schema(by_alias=True, schema_generator=StructuralSchema)
    definitions = schema.pop("$defs", {})
    return cast(Schema, _inline(schema, definitions))


def _inline(node: Any, definitions: dict[str, Schema]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        definition = definitions[node["$ref"].removeprefix("#/$defs/")]
        node = {**definition, **{key: value for key, value in node.items() if key != "$ref"}}
    # A property may be called "title"; only the schema's own title is a string.
    return {
        key: _inline(value, definitions)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }


def _unruled(node: Any) -> Any:
    """Return a schema without its rules: what a user wrote before they were must not keep a status away."""
    if isinstance(node, list):
        return [_unruled(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _unruled(value) for key, value in node.items() if key != "x-kubernetes-validations"}


def custom_resource_definition() -> Schema:
    """Return the CustomResourceDefinition of RagPipeline."""
    schema: Schema = {
        "type": "object",
        "description": "A retrieval-augmented generation service: documents in, answers with citations out.",
        "required": ["spec"],
        **validations(*NAME_RULES),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": schema_of(Spec),
            "status": {**_unruled(schema_of(Status)), "default": NOT_LOOKED_AT},
        },
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": COLUMNS,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {
        "plural": PLURAL,
        "singular": KIND.lower(),
        "kind": KIND,
        "shortNames": ["ragp"],
        "categories": ["ai"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


if __name__ == "__main__":
    print("# Generated by `python -m rag_operator.crd` from operator/rag_operator/spec/; do not edit.")
    yaml.safe_dump(custom_resource_definition(), sys.stdout, sort_keys=False, width=110)
