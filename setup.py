"""Puts `recipes/` into the wheel as `framl_keras/recipes`; all else is in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["framl_keras", "framl_keras.*"]), "framl_keras.recipes"],
    package_dir={"framl_keras.recipes": "recipes"},
    package_data={"framl_keras": ["py.typed"], "framl_keras.recipes": ["*.yaml"]},
)
