"""A hub for models in this process: what huggingface_hub asks of one, with a history of commits."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Files = Mapping[str, bytes]


class Hub:
    """One repository; `main` is the newest commit, and `asked` the revisions that files were asked of."""

    def __init__(self) -> None:
        self.commits: dict[str, Files] = {}
        self.asked: list[str] = []
        self.main = ""
        self.url = ""

    def push(self, files: Files) -> str:
        """Make a commit of these files the newest one; its hash."""
        content = json.dumps({path: hashlib.sha1(data).hexdigest() for path, data in files.items()})
        self.main = hashlib.sha1(content.encode()).hexdigest()
        self.commits[self.main] = files
        return self.main

    def commit(self, revision: str) -> str:
        """The hash of a branch or a commit; "" if there is none."""
        found = self.main if revision == "main" else revision
        return found if found in self.commits else ""


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve a hub on 127.0.0.1 until the block ends."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if found := re.fullmatch(r"/api/models/(.+)/(revision|tree)/(\w+)", path):
                self._describe(found[1], found[2], hub.commit(found[3]))
            elif found := re.fullmatch(r"/.+?/resolve/(\w+)/(.+)", path):
                hub.asked.append(found[1])
                self._file(hub.commit(found[1]), found[2])
            else:
                self._answer(404, b"")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _describe(self, repository: str, what: str, commit: str) -> None:
            if not commit:
                self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
                return
            files = [
                {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for path, data in hub.commits[commit].items()
            ]
            about = {"id": repository, "sha": commit, "siblings": [{"rfilename": f["path"]} for f in files]}
            self._answer(200, json.dumps(files if what == "tree" else about).encode())

        def _file(self, commit: str, path: str) -> None:
            data = hub.commits.get(commit, {}).get(path)
            if data is None:
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
                return
            etag = f'"{hashlib.sha1(data).hexdigest()}"'
            self._answer(200, data, {"X-Repo-Commit": commit, "ETag": etag})

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
