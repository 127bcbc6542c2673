"""Files out of Debian packages, from the machine's own mirror or by a container; needs no root."""

import asyncio
import base64
import gzip
import shutil
import tempfile
from pathlib import Path

from .shell import CommandError, run

# Where there is no apt-get, but perhaps Docker: the release that the demo's questions were made for.
IMAGE = "debian:bookworm-slim"


async def extract(package: str, member: str, target: Path) -> Path:
    """Returns `target`, which is made of a file of a package, unpacked, if it is not there yet."""
    if not target.exists():  # noqa: ASYNC240 - one small folder
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            if shutil.which("apt-get"):
                deb = await _download(package, Path(folder))
                await run("dpkg-deb", "-x", str(deb), folder)
            else:
                await _unpack_in_container(package, member, Path(folder))
            await asyncio.to_thread(_unpack, Path(folder, member), target)
    return target


async def _download(package: str, folder: Path) -> Path:
    """Downloads a Debian package into a folder."""
    try:
        await _apt_download(package, folder)
    except CommandError:  # no package lists yet: fetch some of our own
        (folder / "lists" / "partial").mkdir(parents=True)
        own_lists = ("-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}")
        await run("apt-get", "update", *own_lists)
        await _apt_download(package, folder, *own_lists)
    return next(folder.glob(f"{package}_*.deb"))  # noqa: ASYNC240 - one small folder


async def _unpack_in_container(package: str, member: str, folder: Path) -> None:
    """Brings one file of a package into a folder."""
    unpack = 'cd /tmp; { apt-get update; apt-get download "$0"; dpkg-deb -x "$0"_*.deb .; } >&2; base64 "$1"'
    encoded = await run("docker", "run", "--rm", IMAGE, "sh", "-ec", unpack, package, member)
    packed = folder / member
    packed.parent.mkdir(parents=True)
    packed.write_bytes(base64.b64decode(encoded))


def _unpack(packed: Path, target: Path) -> None:
    unpacked = packed.with_name(target.name)
    data, mode = packed.read_bytes(), packed.stat().st_mode
    unpacked.write_bytes(gzip.decompress(data) if packed.suffix == ".gz" else data)
    unpacked.chmod(mode)
    unpacked.rename(target)


async def _apt_download(package: str, folder: Path, *options: str) -> None:
    # apt-get writes to the current folder; APT::Sandbox::User quiets its remark that _apt cannot write there.
    script = 'cd "$0" && exec apt-get download "$@"'
    await run("sh", "-c", script, str(folder), "-o", "APT::Sandbox::User=root", *options, package)
