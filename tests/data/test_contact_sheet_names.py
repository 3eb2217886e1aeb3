"""Names in any script below the contact sheet's images: no boxes, no warnings."""

import warnings

import numpy as np
import pytest

from framl_keras.data.checking import legible as module
from framl_keras.data.checking import save_contact_sheet

NAMES = {
    "chinese": "王小明",
    "japanese": "さくら",
    "korean": "김민수",
    "arabic": "محمد",
    "hebrew": "דוד",
    "hindi": "अमित",
    "thai": "สมชาย",
    "emoji": "😀 smile",
    "joined emoji": "👩‍👩‍👧",
    "combining": "e\u0301le\u0300ve",
    "surrogate": "bad\udcff",
    "private": "\ue000",
    "newline": "a\nb",
}


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_drawn_as_boxes_or_warned_of(name, tmp_path):
    label = NAMES[name]
    images = np.full((3, 40, 40, 3), 90, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # of matplotlib's own packages
        save_contact_sheet(images, [label, "ada", label], tmp_path / "sheet.png")
    drawn, _, legend = module.legible([label, "ada", label])
    assert drawn[1] == "ada"
    assert drawn[0] == drawn[2]
    if legend:
        text = (tmp_path / "sheet.png.legend.txt").read_text(encoding="utf-8")
        assert text.count("\n") == 1
        assert text.startswith("#1\t")
    else:
        assert not (tmp_path / "sheet.png.legend.txt").exists()


@pytest.mark.parametrize("name", ["Zoë", "Łukasz", "Дмитрий", "Ελένη", "ada", "$x_1$"])
def test_what_the_own_font_has_is_drawn(name):
    assert module.legible([name]) == ([name], [module.FIRST], {})


def test_a_font_of_the_system_that_has_the_letters_is_taken(monkeypatch):
    has = {"/first": set("abc"), "/other": set("王")}
    monkeypatch.setattr(module, "_letters", lambda path: has.get(path, set()))
    monkeypatch.setattr(module.font_manager, "findfont", lambda name: "/first")
    entry = module.font_manager.FontEntry(fname="/other", name="Other Sans", style="normal")
    monkeypatch.setattr(module.font_manager.fontManager, "ttflist", [entry])
    assert module.legible(["王a", "b"]) == (["王a", "b"], [module.FIRST, "Other Sans"], {})
