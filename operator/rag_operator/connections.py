"""How the workloads reach Redis and Qdrant, whoever runs these: contents of the two connection Secrets."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

REDIS_PORT = 6379
QDRANT_PORT = 6333
# In the Secret of a Redis that we run: the part of its configuration that is on no command line.
REDIS_CONFIG = "redis.conf"
_REQUIRE = "requirepass "


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

    @property
    def config(self) -> str:
        """What Redis reads when we run it."""
        return f"{_REQUIRE}{self.password}\n"

    def password_in(self, contents: Mapping[str, str]) -> str | None:
        """Return the password that a Secret has for this very Redis; None if it is of another, or of none.

        It stands there three times. One place that somebody edited is outvoted, so that what pods have read
        stays right; who changes two of them changes the password.
        """
        config = contents.get(REDIS_CONFIG, "")
        configured = config.removeprefix(_REQUIRE).strip() if config.startswith(_REQUIRE) else ""
        in_url = _password_for(self.host, contents.get("url", ""))
        if not (configured or in_url or contents.get("address") == self.data()["address"]):
            return None
        votes = Counter(each for each in (configured, in_url, contents.get("password")) if each)
        return next((password for password, _ in votes.most_common(1)), None)

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


def _password_for(host: str, url: str) -> str:
    """Return the password in a URL of a Redis on that host; "" if it is none."""
    try:
        found = QueueConnection.parse(url)
    except InvalidRedisUrl:
        return ""
    return found.password if found.host == host else ""
