"""Texts that the RagPipeline's models share: URLs, images, and names of models, objects and keys."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from rag_operator.rules import DNS_SUBDOMAIN, SECRET_KEY, Rule, spelt, validations

URL_RULE = Rule(
    "isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' && "
    "(url(self).getPort() == '' || (size(url(self).getPort()) <= 5 && int(url(self).getPort()) <= 65535))",
    "must be the URL of a server: http:// or https://, its host, and where they are wanted a port and a path",
)
_PATH = "[a-z0-9]+([._-]+[a-z0-9]+)*"
IMAGE_RULE = spelt(
    rf"([a-zA-Z0-9]([-.a-zA-Z0-9]*[a-zA-Z0-9])?(:[0-9]+)?/)?{_PATH}(/{_PATH})*"
    r"(:[a-zA-Z0-9_][-._a-zA-Z0-9]{0,127})?(@[a-z0-9]+:[a-f0-9]{32,})?",
    "must be an image, such as registry.example.com/team/api:1.2 or api@sha256:...: its path in lower case,"
    " and neither a scheme nor a blank",
)
PRINTABLE_RULE = Rule(
    "self.trim() == self && !self.matches('[[:cntrl:]]')",
    "must have no blank at its ends, and no line break or other control character",
)
OBJECT_NAME_RULE = spelt(
    DNS_SUBDOMAIN,
    "must be the plain name of an object: lower-case letters, digits, dashes and dots, a letter or digit "
    "first and last",
)
SECRET_KEY_RULE = spelt(
    SECRET_KEY,
    "must be a key of a Secret: letters, digits, dashes, underscores and dots, at most one dot first",
)

# Not enforced by the models: an object that was stored before the rules must still get a status that says so.
HttpUrl = Annotated[str, Field(min_length=8, max_length=2048, json_schema_extra=validations(URL_RULE))]
ImageName = Annotated[str, Field(min_length=1, max_length=512, json_schema_extra=validations(IMAGE_RULE))]
ModelName = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra=validations(PRINTABLE_RULE))]
ObjectName = Annotated[
    str, Field(min_length=1, max_length=253, json_schema_extra=validations(OBJECT_NAME_RULE))
]
SecretKey = Annotated[
    str, Field(min_length=1, max_length=253, json_schema_extra=validations(SECRET_KEY_RULE))
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
