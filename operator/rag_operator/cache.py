"""Objects of one kind as the last events told them, by the pipeline that they belong to.

They are kept compressed, in a tenth of the memory that their dictionaries would take; a pass unpacks those of
its own pipeline.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from rag_operator.keys import Key
from rag_operator.names import Manifest

Name = tuple[str, str]
"""Namespace and name of an object."""


class Entry(NamedTuple):
    """An object: its version, the pipeline that it belongs to, and itself."""

    version: int
    pipeline: Key
    packed: bytes

    @property
    def item(self) -> Manifest:
        """The object."""
        found: Manifest = json.loads(zlib.decompress(self.packed))
        return found


class Cache:
    """What a watch tells, and what was written since; `changed` hears which pipelines are concerned.

    An object never gets older: what a write returned stays until the watch has come to it, and a write whose
    object the watch saw end before its answer came does not bring it back.
    """

    def __init__(self, pipeline_of: Callable[[Manifest], Key], changed: Callable[[Key], None]) -> None:
        self._pipeline_of = pipeline_of
        self._changed = changed
        self._entries: dict[Name, Entry] = {}
        self._of: defaultdict[Key, set[Name]] = defaultdict(set)
        self.version = 0
        """What the watch has told last; it goes on from there."""

    def of(self, pipeline: Key) -> list[Manifest]:
        """Return the objects of a pipeline."""
        return [self._entries[name].item for name in sorted(self._of.get(pipeline, ()))]

    def get(self, namespace: str, name: str) -> Entry | None:
        """Return an object."""
        return self._entries.get((namespace, name))

    @property
    def pipelines(self) -> list[Key]:
        """The pipelines that have objects here."""
        return list(self._of)

    def put(self, item: Manifest) -> None:
        """Take over an object that the watch tells of; what was written by us is known already."""
        entry = self.entry(item)
        self.version = max(self.version, entry.version)
        self._put(item, entry)

    def written(self, item: Manifest) -> None:
        """Take over what a write of ours returned, which asks for no pass."""
        entry, known = self.entry(item), self.get(*_name(item))
        if (known.version if known else self.version) < entry.version:
            self._keep(_name(item), entry)

    def forget(self, item: Manifest) -> None:
        """Forget an object that we deleted, which asks for no pass."""
        self._unlink(_name(item))

    def remove(self, item: Manifest) -> None:
        """Forget an object that the watch saw end, or leave what is watched."""
        self.version = max(self.version, _version(item))
        self._drop(_name(item))

    def clear(self) -> None:
        """Forget everything, and how old it was."""
        for name in list(self._entries):
            self._drop(name)
        self.version = 0

    def take(self, items: Iterable[Manifest]) -> set[Name]:
        """Take over a page of a list; return what is in it."""
        listed = set()
        for item in items:
            listed.add(_name(item))
            self._put(item, self.entry(item))
        return listed

    def settle(self, version: int, listed: Collection[Name]) -> None:
        """Forget what was in no page of a list of that version, unless it was written since."""
        self.version = max(self.version, version)
        known = list(self._entries.items())
        for name, entry in known:
            if name not in listed and entry.version <= version:
                self._drop(name)

    def _put(self, item: Manifest, entry: Entry) -> None:
        name = _name(item)
        known = self._entries.get(name)
        if known and known.version >= entry.version:
            return
        self._keep(name, entry)
        for pipeline in {entry.pipeline, known.pipeline if known else entry.pipeline}:
            self._changed(pipeline)

    def _keep(self, name: Name, entry: Entry) -> None:
        self._unlink(name)
        self._entries[name] = entry
        self._of[entry.pipeline].add(name)

    def _drop(self, name: Name) -> None:
        if known := self._unlink(name):
            self._changed(known.pipeline)

    def _unlink(self, name: Name) -> Entry | None:
        known = self._entries.pop(name, None)
        if known:
            names = self._of[known.pipeline]
            names.discard(name)
            if not names:
                del self._of[known.pipeline]
        return known

    def entry(self, item: Manifest) -> Entry:
        """Return an object as it is kept."""
        packed = zlib.compress(json.dumps(item, separators=(",", ":")).encode(), level=1)
        return Entry(_version(item), self._pipeline_of(item), packed)


def _name(item: Manifest) -> Name:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _version(item: Manifest) -> int:
    """Return the version of an object: versions of one kind are numbers that grow."""
    return int(item["metadata"]["resourceVersion"])
