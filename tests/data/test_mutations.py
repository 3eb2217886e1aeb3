"""Whatever happens to a file, reading it gives data or our own error: no crash, hang or other.

`mutations` holds the formats; `python -m mutations --count 5000` runs them all at length.
"""

import os
import sys

import pytest
from mutations.formats import FORMATS
from mutations.run import FORKS, called_in_fork, run

from framl_keras.untrusted import child, reader_process

COUNT = int(os.environ.get("FRAML_KERAS_MUTATIONS", "12"))
MOST_MIB = 512
BACKENDS = ("tensorflow", "torch")


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_mutations_raise_only_our_own_error(form, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if form.needs != "tensorflow":  # its reader ends the process, and a fork lacks its threads
        monkeypatch.setattr(child, "call_in_child", called_in_fork)
        monkeypatch.setattr(reader_process, "subprocess", FORKS)
    if form.needs in BACKENDS and form.needs not in sys.modules:  # which takes long to import
        pytest.skip(f"{form.needs} is not loaded")
    if form.needs:
        pytest.importorskip(form.needs)

    count = max(COUNT // 4, 1) if form.costly else COUNT
    count = 1 if form.needs == "tensorflow" else count
    outcomes = run(form, tmp_path, count, in_process=True)

    assert len(outcomes) == count
    assert not [o for o in outcomes if o.kind in ("foreign", "death")]
    assert max(o.mib for o in outcomes) < MOST_MIB
