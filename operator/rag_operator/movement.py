"""The conditions Reconciling and Stalled, by which kstatus tells what is on its way from what is stuck. Pure.

Tools that know nothing of a RagPipeline, such as Flux, read these two beside Ready. They are there only while
they hold. A pipeline whose Ready is False for a reason that somebody else may mend at any time, such as a
Secret that is missing, is neither: it goes on by itself then.
"""

from collections.abc import Mapping

from rag_operator.verdicts import STARTING, Verdict

READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
SPEC_ACCEPTED, INDEX_READY = "SpecAccepted", "IndexReady"


def movement(verdicts: Mapping[str, Verdict], ready: Verdict) -> dict[str, Verdict]:
    """Return Reconciling or Stalled, or neither.

    Documents that are embedded anew are on their way for hours, in which all serves: nobody waits for them.
    """
    spec = verdicts[SPEC_ACCEPTED]
    if spec.status == "False":
        return {STALLED: Verdict("True", spec.reason, spec.message)}
    if ready.status == "False" and ready.reason not in STARTING:
        return {}
    for name, verdict in verdicts.items():
        if name != INDEX_READY and (verdict.reason in STARTING or verdict.doubtful):
            return {RECONCILING: Verdict("True", verdict.reason, verdict.message)}
    return {}
