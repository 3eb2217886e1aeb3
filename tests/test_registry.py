"""Names are strict, near misses are suggested, and own modules and plugins add to them."""

import sys
from importlib.metadata import EntryPoint

import pytest

from framl_keras import registry
from framl_keras.errors import UserError
from framl_keras.registry import Registry, import_modules, load_plugins


@pytest.fixture
def margins():
    known = Registry("margin")
    known.register("ArcFace", 1)
    known.register("CosFace", 2)
    return known


def register_by_call(known):
    known.register("Mine", 3)


def register_by_decorator(known):
    @known.register("Mine")
    def any_function():
        pass


def register_class(known):
    @known.register
    class Mine:
        pass


@pytest.mark.parametrize("way", [register_by_call, register_by_decorator, register_class])
def test_a_name_is_added_in_three_ways_and_once_only(margins, way):
    way(margins)

    assert margins.names() == ["ArcFace", "CosFace", "Mine"]
    with pytest.raises(ValueError, match=r"There is a margin of that name already.*'Mine'"):
        way(margins)


def test_a_decorated_class_stays_a_class(margins):
    @margins.register
    class Mine:
        pass

    assert isinstance(Mine, type)
    assert margins["Mine"] is Mine


def test_replace_takes_the_place(margins):
    margins.register("ArcFace", 9, replace=True)

    assert margins["ArcFace"] == 9


@pytest.mark.parametrize("name", ["", "two words", "a:b", "a=b", "a,b"])
def test_a_name_that_no_recipe_could_say_is_refused(margins, name):
    with pytest.raises(ValueError, match="one word"):
        margins.register(name, 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("arcface", r"Did you mean 'ArcFace'\?"),
        ("CosFac", r"Did you mean 'CosFace'\?"),
        ("qqq", r"'qqq'\. Expected one of ArcFace, CosFace"),
        (7, "Unknown margin 7"),
    ],
)
def test_an_unknown_name_says_what_there_is(margins, name, message):
    with pytest.raises(UserError, match=message):
        margins[name]


def test_own_modules_of_the_current_folder_are_imported(tmp_path, monkeypatch):
    (tmp_path / "of_my_own.py").write_text("LOADED = True\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    import_modules(["of_my_own"])

    assert sys.modules.pop("of_my_own").LOADED


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "ModuleNotFoundError"), ("1 / 0", "ZeroDivisionError")]
)
def test_a_module_that_fails_is_one_line(tmp_path, monkeypatch, text, reason):
    if text:
        (tmp_path / "broken_module.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    with pytest.raises(UserError, match=f"broken_module: {reason}"):
        import_modules(["broken_module"])


def test_an_unknown_name_loads_plugins_once(tmp_path, monkeypatch, margins, caplog):
    text = "import tests_registry\ntests_registry.register('Plugged', 5)\n"
    (tmp_path / "a_plugin.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "tests_registry", margins)
    monkeypatch.setattr(registry, "_loaded", [])
    installed = [
        EntryPoint("mine", "a_plugin", registry.PLUGINS),
        EntryPoint("gone", "no_such_module", registry.PLUGINS),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: installed)

    assert margins["Plugged"] == 5
    assert load_plugins() == ["mine"]
    assert "no_such_module" in caplog.text
    sys.modules.pop("a_plugin")
