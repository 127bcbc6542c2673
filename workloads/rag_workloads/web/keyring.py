"""The keys of a pipeline with their values, and which of them a client has sent."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Self

from rag_contract.api_keys import ApiKey, Scope
from rag_contract.environment.base import KeySettings

DEFAULT = ApiKey(name="default", scopes=frozenset({Scope.ADMIN}), variable="API_KEY")


class Keyring:
    """Keys by the digest of their value. A key with an empty value is never found."""

    def __init__(self, values: Mapping[ApiKey, str]) -> None:
        stripped = {key: value.strip() for key, value in values.items()}
        self._keys = [(key, _digest(value.encode())) for key, value in stripped.items() if value]

    @classmethod
    def of(cls, settings: KeySettings, environment: Mapping[str, str]) -> Self | None:
        """The keys that are configured, with their values from `environment`; None if there are none.

        Keys that are all empty, or an empty list of them, make a keyring that refuses everyone.
        """
        if settings.api_key is None and settings.api_keys is None:
            return None
        values = {key: environment.get(key.variable, "") for key in settings.api_keys or []}
        if settings.api_key is not None:
            values[DEFAULT] = settings.api_key.get_secret_value()
        return cls(values)

    def find(self, given: bytes) -> ApiKey | None:
        """The key whose value was sent. It always compares with all keys, so that time tells nothing."""
        digest, found = _digest(given), None
        for key, expected in self._keys:
            found = key if hmac.compare_digest(digest, expected) else found
        return found


def _digest(value: bytes) -> bytes:
    """Of one length for all values: comparing those of different lengths takes different time."""
    return hashlib.sha256(value).digest()
