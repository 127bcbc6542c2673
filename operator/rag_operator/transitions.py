"""How the conditions of one pass follow those of the pass before, and what remains when one fails. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rag_operator.movement import READY, RECONCILING, SPEC_ACCEPTED, STALLED
from rag_operator.status import Condition
from rag_operator.verdicts import Verdict

INVALID_SPEC = "InvalidSpec"
# The reason of Reconciling, and of a condition of which nothing is known any more.
FAILED_PASS = "PassFailed"


def dated(
    verdicts: Mapping[str, Verdict], generation: int, previous: Sequence[Condition], now: datetime | None
) -> list[Condition]:
    """Return verdicts as conditions; the transition time of one moves only when its status does."""
    times = {(each.type, each.status): each.last_transition_time for each in previous}
    present = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        Condition(
            type=name,
            status=verdict.status,
            reason=verdict.reason or "Unknown",
            message=verdict.message,
            last_transition_time=times.get((name, verdict.status), present),
            observed_generation=generation,
        )
        for name, verdict in verdicts.items()
    ]


def unreadable(
    message: str, generation: int, previous: Sequence[Condition] = (), now: datetime | None = None
) -> list[Condition]:
    """Return the conditions of a pipeline whose spec cannot be read: those of its parts stay as they were."""
    refused = Verdict("False", INVALID_SPEC, message)
    first = dated({SPEC_ACCEPTED: refused}, generation, previous, now)
    last = dated({STALLED: refused._replace(status="True"), READY: refused}, generation, previous, now)
    parts = [each for each in _parts(previous) if each.type != SPEC_ACCEPTED]
    return [*first, *parts, *last]


def failed(
    message: str, generation: int, previous: Sequence[Condition] = (), now: datetime | None = None
) -> list[Condition]:
    """Return the conditions after a pass that failed.

    They stay as they were when one fails. When the next one fails too, nobody knows what has become of what
    they speak about. Those that fail later change nothing, whatever they say.
    """
    before = {each.type: each for each in previous}
    known, ready = before.get(RECONCILING), before.get(READY)
    is_second = known is not None and known.reason == FAILED_PASS
    if is_second and ready and ready.reason == FAILED_PASS:
        return list(previous)
    moving = Verdict("True", FAILED_PASS, f"the last pass failed, and is made again: {message}")
    told = dated({RECONCILING: moving}, generation, previous, now)
    if ready and not is_second:
        return [*_parts(previous), *told, ready]
    lost = {each.type: _lost(each, message) for each in _parts(previous) if each.type != SPEC_ACCEPTED}
    unknown = {**lost, READY: _lost(ready, message)}
    judged = {each.type: each for each in dated(unknown, generation, previous, now)}
    return [*(judged.get(each.type, each) for each in _parts(previous)), *told, judged[READY]]


def _lost(known: Condition | None, message: str) -> Verdict:
    """Return that it cannot be said whether a condition holds, and what was said of it last."""
    last = f"; it was {known.status} before: {known.message}" if known else ""
    return Verdict("Unknown", FAILED_PASS, f"{message}{last}")


def _parts(conditions: Sequence[Condition]) -> list[Condition]:
    """Return the conditions of the pipeline's parts."""
    return [each for each in conditions if each.type not in {READY, RECONCILING, STALLED}]
