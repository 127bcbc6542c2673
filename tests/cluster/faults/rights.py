"""What an operator asks for, and what it may, as verbs of resources."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from aiohttp import web

from rag_operator.names import Manifest
from tests.cluster.faults.proxy import Asked, Harm

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Right(NamedTuple):
    """A verb of a resource, or of a part of it."""

    verb: str
    group: str
    resource: str


@dataclass
class Noting(Harm):
    """Does no harm, and notes the rights that requests need."""

    used: set[Right] = field(default_factory=set)

    async def before(self, asked: Asked) -> web.Response | None:
        if right := needed(asked):
            self.used.add(right)
        return None


def needed(asked: Asked) -> Right | None:
    """Return the right that a request needs; None if it only asks which kinds there are."""
    root, *parts = asked.path.strip("/").split("/")
    group = parts.pop(0) if root == "apis" and parts else ""
    parts = parts[1:]  # the version
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    if not parts:
        return None
    resource, name, *subresource = parts if len(parts) > 1 else [*parts, ""]
    read = "watch" if asked.is_watch else "get" if name else "list"
    return Right(_VERBS.get(asked.method, read), group, "/".join([resource, *subresource]))


def granted(roles: Iterable[Manifest]) -> set[Right]:
    """Return the rights of some Roles."""
    return {
        Right(verb, group, resource)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
