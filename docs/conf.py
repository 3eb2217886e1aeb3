"""How the documentation is built: `tox -e docs`, or `sphinx-build -W docs docs/_build/html`.

Sphinx, because it is maintained, reads docstrings by importing the package, and fails on any
link inside the documentation that leads nowhere. Pages are written in Markdown (MyST).
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from framl_keras.version import __version__  # noqa: E402

project = "framl-keras"
author = copyright = "The framl-keras developers"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "recipe_reference",
    "keras_docstrings",
    "public_api",
]
exclude_patterns = ["_build"]
nitpicky = False
default_role = "code"  # docstrings mark code with single backticks, as Keras' do

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
suppress_warnings = ["myst.strikethrough"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures show types; the text says what they mean
napoleon_custom_sections = [
    ("Input shape", "returns_style"),
    ("Output shape", "returns_style"),
    ("Call arguments", "params_style"),
    "Reference",
    "Formula",
]
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"framl-keras {release}"
html_static_path = ["_static"]
html_css_files = ["wide-tables.css"]
copybutton_exclude = ".linenos, .gp, .go"
linkcheck_timeout = 20
