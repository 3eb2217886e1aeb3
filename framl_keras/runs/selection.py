"""Which state of a run its embedder is, told in one sentence."""

from collections.abc import Collection, Mapping
from typing import Any


def describe_state(facts: Mapping[str, Any], tested: Collection[str] = ()) -> str:
    """Which state an embedder is, and on what it was chosen; empty where that is not known.

    Args:
        facts: what training wrote into the embedder's file.
        tested: names of the sets in the table or report that this stands beside.

    Example:
    >>> describe_state({"step": 60, "total_steps": 60})
    'The embedder is the state after step 60 of 60, the last.'
    """
    step, total = facts.get("step"), facts.get("total_steps")
    if step is None:
        return ""
    where = f"The embedder is the state after step {step:,}" + (f" of {total:,}" if total else "")
    chosen, stopped = facts.get("selection"), facts.get("interrupted")
    if not chosen:
        last = "the last" if step == total else "where the run ended"
        return f"{where}, {'where the run was stopped' if stopped else last}."
    text = (
        f"{where}, the best{' so far' if stopped else ''} by `{chosen['by']}` "
        f"({chosen['value']:.4f}) on {chosen['on']}."
    )
    if chosen.get("on_test") and (not tested or chosen["on"] in tested):
        text += (
            f" It was chosen on {chosen['on']}, a test set, whose numbers therefore promise too "
            "much; name other identities in data.validation."
        )
    return text
