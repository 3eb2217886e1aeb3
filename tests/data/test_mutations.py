"""Whatever happens to a file, reading it gives data or our own error: no crash, hang or other.

`mutations` holds the formats; `python -m mutations --count 5000` runs them all at length.
"""

import os
import sys

import pytest
from mutations.formats import FORMATS
from mutations.run import called_in_fork, run

from framl_keras.untrusted import child

COUNT = int(os.environ.get("FRAML_KERAS_MUTATIONS", "12"))
MOST_SECONDS, MOST_MIB = 10, 512


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_mutations_raise_only_our_own_error(form, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(child, "call_in_child", called_in_fork)
    if form.needs == "PIL":
        pytest.importorskip("PIL")
    elif form.needs and form.needs not in sys.modules:  # a backend takes longer to import
        pytest.skip(f"{form.needs} is not loaded")

    outcomes = run(form, tmp_path, COUNT, in_process=True)

    assert len(outcomes) == COUNT
    assert not [o for o in outcomes if o.kind in ("foreign", "death")]
    assert max(o.mib for o in outcomes) < MOST_MIB
