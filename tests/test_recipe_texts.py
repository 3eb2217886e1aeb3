"""Every key of a recipe says what it is for, once, where editors and the reference find it."""

import pytest

from framl_keras.recipe import MARGINS, Recipe

SECTIONS = {"Recipe": Recipe.model_json_schema(), **Recipe.model_json_schema()["$defs"]}
KEYS = [
    (section, key)
    for section in SECTIONS
    for key in SECTIONS[section].get("properties", {})
    if section not in MARGINS
]


@pytest.mark.parametrize(("section", "key"), KEYS, ids=lambda part: part)
def test_a_key_has_a_text_that_is_a_sentence(section, key):
    text = SECTIONS[section]["properties"][key].get("description", "")

    assert len(text) > 10
    assert text[-1] in ".)"
    assert "\n" not in text


def test_a_text_in_the_schema_is_the_docstring_s():
    text = SECTIONS["TrainSection"]["properties"]["epochs"]["description"]

    assert f"epochs: {text}" in " ".join(Recipe.model_fields["train"].annotation.__doc__.split())
