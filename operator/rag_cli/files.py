"""The files that are meant, whatever their names are and whoever writes to them meanwhile."""

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

# Pictures, sounds, films and fonts.
TEXTLESS = {
    *(".avif", ".bmp", ".gif", ".heic", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"),
    *(".flac", ".m4a", ".mp3", ".ogg", ".wav"),
    *(".avi", ".mkv", ".mov", ".mp4", ".webm"),
    *(".otf", ".ttf", ".woff", ".woff2"),
}


def files_in(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files that are meant, each once, and those of folders that hold no text, and are not.

    Files that are named are meant whatever they are, and all of folders but for hidden ones.
    """
    found = list(dict.fromkeys(file for path in paths for file in _files(path)))
    left_out = [file for file in found if file not in paths and file.suffix.lower() in TEXTLESS]
    return [file for file in found if file not in left_out], left_out


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for found in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
        if found.is_file() and not hidden:
            yield found


def shown(path: Path) -> str:
    """Return a path as text, though its name may be none in the encoding of the system."""
    return os.fsencode(path).decode(errors="replace")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file; OSError if it cannot be read."""
    with Steady(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Steady(io.FileIO):
    """A file that stays as long as it was when it was opened: its length is told before its bytes."""

    def __init__(self, path: Path) -> None:
        # Of a pipe, the first reader takes the bytes from the second.
        if not path.is_file():
            raise OSError("It is no regular file.")
        super().__init__(path)
        self._left = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read no more than there was; OSError if there is less."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        part = super().read(wanted) or b""
        if wanted and not part:
            raise OSError("It was cut while it was sent.")
        self._left -= len(part)
        return part
