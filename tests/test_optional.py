"""What a message tells one to install is what the extra of that name installs."""

import tomllib
from pathlib import Path

import pytest

from framl_keras import optional
from framl_keras.errors import UserError

ROOT = Path(__file__).parent.parent
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def bare(requirement):
    """The distribution's name: without bounds, unless it is pinned."""
    return requirement if "==" in requirement else requirement.partition(">=")[0]


@pytest.mark.parametrize("extra", optional.DISTRIBUTIONS)
def test_the_line_names_what_the_extra_installs(extra):
    wanted = [bare(name) for name in EXTRAS[extra] if not name.startswith("framl-keras")]
    if extra == "photos-scrfd":
        wanted = [*map(bare, EXTRAS["photos"]), *wanted]
    assert optional.pip_install(extra).removeprefix("pip install ").split() == wanted


@pytest.mark.parametrize("extra", optional.DISTRIBUTIONS)
def test_a_missing_package_is_one_line(extra):
    with pytest.raises(UserError) as said:
        optional.require("no_such_package_here", extra, "This")
    assert str(said.value).endswith(f"Install it with: {optional.pip_install(extra)}")
    assert "\n" not in str(said.value)


def test_no_message_names_an_extra_of_ours():
    """They are of no use where framl-keras came from a clone."""
    files = (ROOT / "framl_keras").rglob("*.py")
    assert not [path.name for path in files if "framl-keras[" in path.read_text(encoding="utf-8")]
