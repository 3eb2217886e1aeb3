"""The script in the docs that compares two photos with onnxruntime and OpenCV alone."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from framl_keras import Embedder
from framl_keras.errors import UserError
from framl_keras.export import export
from framl_keras.export.formats import writers_of

pytest.importorskip("onnxruntime")
PAGE = Path(__file__).parents[2] / "docs" / "export.md"
WITHOUT_US = "import sys; sys.modules.update(dict.fromkeys(['keras', 'framl_keras'])); "


def script():
    (found,) = re.findall(
        r"## Two photos, without Keras\n.*?```python\n(.*?)```",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    return found


def test_it_is_ten_lines_or_so():
    assert len([line for line in script().splitlines() if line]) <= 12


@pytest.mark.parametrize(("threshold", "verdict"), [(2.0, "same"), (-1.0, "different")])
def test_it_says_what_the_embedder_says(threshold, verdict, tmp_path, rng):
    try:
        writers_of("onnx")
    except UserError as error:
        pytest.skip(str(error))
    keras.utils.set_random_seed(0)
    pixels = keras.Input((14, 10, 3))
    features = keras.layers.Conv2D(8, 3, strides=2)(keras.layers.Rescaling(1 / 127.5, -1)(pixels))
    model = keras.Model(pixels, keras.layers.Dense(6)(keras.layers.Flatten()(features)))
    photos = rng.integers(0, 256, size=(2, 28, 20, 3), dtype=np.uint8)
    for name, photo in zip("ab", photos, strict=True):
        cv2.imwrite(str(tmp_path / f"{name}.png"), photo[..., ::-1])
    facts = {"thresholds": {"cos": threshold}}
    export(model, tmp_path / "mine.onnx", photos[:, ::2, ::2], facts=facts)

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_US + f"exec({script()!r})"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    expected = Embedder(model).compare(tmp_path / "a.png", tmp_path / "b.png", "cos").distance
    distance, said = re.fullmatch(r"distance (-?\d\.\d+): (\w+)\n", done.stdout).groups()
    assert float(distance) == pytest.approx(expected, abs=1e-3)
    assert said == verdict
