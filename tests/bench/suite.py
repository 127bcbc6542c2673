"""Times `make test`, level by level: warm in this checkout, cold in a fresh clone with empty caches."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.paths import ROOT
from demo.shell import run

from tests.bench.clone import commit_of, fresh_clone

LEVEL = re.compile(r"^(lint|test-\w+): (\d+) s$", re.MULTILINE)


async def warm() -> dict[str, Any]:
    """Runs `make test` with everything built; returns its seconds, in all and by level."""
    return await _measure(ROOT, {})


async def cold() -> dict[str, Any]:
    """Runs `make test` in a fresh clone with nothing built or cached; about half an hour on 2 cores."""
    await run("make", "demo-down")  # two clusters would want one port
    with fresh_clone() as (clone, env):
        try:
            figures = await _measure(clone, env)
        finally:
            await run("make", "-C", str(clone), "demo-down", env=env)
        return {**figures, "commit": await commit_of(clone)}


async def _measure(checkout: Path, env: Mapping[str, str]) -> dict[str, Any]:
    started = time.monotonic()
    output = await run("make", "-C", str(checkout), "test", env=env, show=print)
    seconds = round(time.monotonic() - started, 1)
    return {"seconds": seconds, "steps": {level: int(took) for level, took in LEVEL.findall(output)}}
