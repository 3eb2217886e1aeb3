"""Freed memory stays with the process: where, where not, and how to switch it off."""

import os
import subprocess
import sys

import pytest

from framl_keras import allocator

ON = """
import framl_keras, keras
from framl_keras import allocator
print(allocator.keep_memory())
"""


def told(**environment):
    done = subprocess.run(
        [sys.executable, "-c", ON],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def on_glibc_with_memory():
    home = sys.platform.startswith("linux") and allocator._home_of_malloc() == "glibc"
    return home and allocator.free_memory() >= allocator.ENOUGH


@pytest.mark.skipif(not on_glibc_with_memory(), reason="needs glibc's allocator and free memory")
def test_importing_keras_after_us_sets_it_and_the_variable_does_not():
    assert told() == "keep"
    assert told(FRAML_KERAS_ALLOCATOR="system") == "FRAML_KERAS_ALLOCATOR=system"


REASONS = {
    "switched off": ({"FRAML_KERAS_ALLOCATOR": "system"}, {}, "FRAML_KERAS_ALLOCATOR=system"),
    "tuned by hand": ({"MALLOC_ARENA_MAX": "2"}, {}, "MALLOC_ARENA_MAX is set"),
    "tunables": ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}, {}, "GLIBC_TUNABLES is set"),
    "another allocator": (
        {},
        {"_home_of_malloc": lambda: "libtcmalloc.so.4"},
        "memory comes from libtcmalloc.so.4",
    ),
    "little memory": ({}, {"free_memory": lambda: 2.0**30}, "only 1.0 GiB are free"),
    "on": ({}, {}, ""),
}


@pytest.mark.parametrize("case", REASONS)
def test_where_nothing_is_changed(case, monkeypatch):
    environment, parts, reason = REASONS[case]
    monkeypatch.setattr(sys, "platform", "linux")
    defaults = {"_home_of_malloc": lambda: "glibc", "free_memory": lambda: 2.0**40}
    for name, value in {**defaults, **parts}.items():
        monkeypatch.setattr(allocator, name, value)

    assert allocator._reason(environment) == reason


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_platforms_are_left_alone(platform, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)

    assert allocator._reason({}) == f"the platform is {platform}"
