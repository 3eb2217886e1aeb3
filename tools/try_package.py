"""Builds sdist and wheel, checks them, and tries the wheel in an empty folder, without a clone."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"


def run(*command: str, cwd: Path = ROOT) -> str:
    """Runs a command, which must succeed; returns what it prints."""
    print("$", " ".join(command), flush=True)
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout


def check_content(recipes: set[str]) -> None:
    """Recipes and `py.typed` are in the wheel, and everything that tests need in the sdist."""
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"framl_keras/recipes/{name}" for name in recipes} | {"framl_keras/py.typed"}
    assert wanted <= inside, f"missing in the wheel: {sorted(wanted - inside)}"
    assert not [name for name in inside if name.startswith(("tests", "docs", "benchmarks"))]
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = set(run("git", "ls-files").split("\n")) if (ROOT / ".git").exists() else set()
    kept = ("framl_keras", "recipes", "tests", "docs", "benchmarks", "tools", "notebooks")
    lost = {name for name in tracked if name.startswith(kept)} - names
    assert not lost, f"missing in the sdist: {sorted(lost)}"


def main() -> None:
    """Builds, checks, installs and tries."""
    shutil.rmtree(DIST, ignore_errors=True)
    recipes = {file.name for file in (ROOT / "recipes").glob("*.yaml")}
    run(sys.executable, "-m", "build", "-q")  # the wheel is built from the sdist
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, DIST.iterdir()))
    check_content(recipes)
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        python = str(empty / "venv/bin/python")
        run(sys.executable, "-m", "uv", "venv", "-q", str(empty / "venv"))
        (wheel,) = DIST.glob("*.whl")
        run(sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, str(wheel))
        command = str(empty / "venv/bin/framl-keras")
        print(run(command, "--version", cwd=empty).strip())
        listed = run(command, "recipe", "list", cwd=empty)
        assert len(listed.splitlines()) == len(recipes), listed
        for name in ("quickstart", "recipes/quickstart.yaml"):
            assert "name: quickstart" in run(command, "recipe", "show", name, cwd=empty)
        assert '"description"' in run(command, "recipe", "schema", cwd=empty)
    print("The package is whole.")


if __name__ == "__main__":
    main()
