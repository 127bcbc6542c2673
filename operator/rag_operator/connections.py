"""How the workloads reach Redis and Qdrant, whoever runs these: contents of the two connection Secrets."""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

REDIS_PORT = 6379
QDRANT_PORT = 6333


class InvalidRedisUrl(ValueError):
    """A Redis URL that cannot be used; the text says why and never holds the password."""


class QueueConnection(NamedTuple):
    """A Redis server: its URL for our own clients, and the URL's parts for KEDA."""

    host: str
    password: str
    port: int = REDIS_PORT
    username: str = ""
    tls: bool = False
    database: int = 0

    @classmethod
    def parse(cls, url: str) -> "QueueConnection":
        """Take a URL apart: redis[s]://[user:password@]host[:port][/database]."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port or REDIS_PORT
        except ValueError:
            raise InvalidRedisUrl("its port must be a number below 65536") from None
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
            raise InvalidRedisUrl("it must look like redis://[user:password@]host[:port][/database]")
        # What KEDA could not be told as well, or what would be lost, is refused rather than left out.
        if parts.query or parts.fragment:
            raise InvalidRedisUrl(
                "nothing may follow the database; in a password write %3F for ? and %23 for #"
            )
        if parts.username and not parts.password:
            raise InvalidRedisUrl(
                "it names a user without a password; write user:password@, or leave both out"
            )
        # Python would take more for a number: 1_0, -1, and the digits of any script.
        if not re.fullmatch("/?[0-9]{0,5}/?", parts.path):
            raise InvalidRedisUrl("its database, after the host, must be a number such as /0")
        return cls(
            host=parts.hostname,
            password=unquote(parts.password or ""),
            port=port,
            username=unquote(parts.username or ""),
            tls=parts.scheme == "rediss",
            database=int(parts.path.strip("/") or 0),
        )

    @property
    def url(self) -> str:
        """The URL, with the password in it."""
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        return f"redis{'s' if self.tls else ''}://{login}{_host(self.host)}:{self.port}/{self.database}"

    def data(self) -> dict[str, str]:
        """Return the contents of the connection's Secret; `tls` is spelt as KEDA reads it."""
        return {
            "url": self.url,
            "address": f"{_host(self.host)}:{self.port}",
            "username": self.username,
            "password": self.password,
            "tls": "enable" if self.tls else "disable",
        }


class VectorStoreConnection(NamedTuple):
    """A Qdrant server; without a key when it wants none."""

    url: str
    api_key: str = ""

    def data(self) -> dict[str, str]:
        """Return the contents of the connection's Secret."""
        return {"url": self.url, "api-key": self.api_key}


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name
