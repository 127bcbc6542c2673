"""Find data files of installed wheels without importing their packages, whose dependencies may be absent."""

from importlib.metadata import distribution
from pathlib import Path


def wheel_file(name: str, suffix: str) -> Path:
    """Path of the only file ending in `suffix` that the installed distribution `name` holds.

    Raises PackageNotFoundError when it is not installed, FileNotFoundError when it holds none or several.
    """
    found = [file for file in distribution(name).files or [] if file.name.endswith(suffix)]
    if len(found) != 1:
        raise FileNotFoundError(f"{name} holds {len(found)} files ending in {suffix}, expected one")
    return Path(str(found[0].locate()))
