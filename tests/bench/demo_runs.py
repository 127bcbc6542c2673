"""Times the commands of the README: warm in this checkout, cold in a fresh clone with empty caches."""

import json
import time
from typing import Any

from demo.paths import ROOT, TIMINGS
from demo.shell import run

from tests.bench.clone import commit_of, fresh_clone

LOCAL_TIMINGS = "build/local-timings.json"
# The figures are of the compiled cluster, also where kind answers.
COMPILED = "KIND=no"


async def warm() -> dict[str, Any]:
    """Runs `make demo` with everything built and nothing running; returns its figures and its seconds."""
    await run("make", "demo-down", COMPILED)
    started = time.monotonic()
    await run("make", "demo", COMPILED, show=print)
    seconds = round(time.monotonic() - started, 1)
    figures: dict[str, Any] = json.loads(TIMINGS.read_text())
    return {"warm_seconds": seconds, "demo": figures}


async def cold() -> dict[str, Any]:
    """Runs `make demo` in a fresh clone with nothing built or cached; about 20 minutes on 2 cores."""
    await run("make", "demo-down", COMPILED)  # two clusters would want one port
    with fresh_clone() as (clone, env):
        started = time.monotonic()
        try:
            await run("make", "-C", str(clone), "demo", COMPILED, env=env, show=print)
            seconds = round(time.monotonic() - started, 1)
        finally:
            await run("make", "-C", str(clone), "demo-down", COMPILED, env=env)
        steps = json.loads((clone / TIMINGS.relative_to(ROOT)).read_text())["steps"]
        return {"cold_seconds": seconds, "steps": steps, "commit": await commit_of(clone)}


async def local() -> dict[str, Any]:
    """Runs the demo as local processes in a fresh clone, its installation included; returns the seconds."""
    with fresh_clone() as (clone, env):
        started = time.monotonic()
        await run("make", "-C", str(clone), "demo-local", env=env, show=print)
        ended = time.monotonic() - started
        figures = json.loads((clone / LOCAL_TIMINGS).read_text())
    # What ran after the first answer is none of its time.
    installed = ended - figures["total_seconds"]
    return {
        "local_first_answer_seconds": round(installed + figures["local_first_answer_seconds"], 1),
        "local_install_seconds": round(installed, 1),
    }
