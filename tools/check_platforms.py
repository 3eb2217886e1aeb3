"""Whether an install resolves to wheels on Windows, macOS and Linux, for each Python we support."""

import subprocess
import sys
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLATFORMS = ("windows", "macos", "linux")
PYTHONS = ("3.11", "3.12", "3.13")
EXTRAS = ("tensorflow", "jax", "torch", "demo")


def resolves(platform: str, python: str, extra: str) -> str:
    """What the resolver says is wrong, or an empty string."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--only-binary", ":all:"]
    command += ["--python-platform", platform, "--python-version", python, "--extra", extra]
    done = subprocess.run(
        [*command, str(ROOT / "pyproject.toml")], capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode else ""


def main() -> int:
    """Prints a line for each combination; the exit status is 1 if one fails."""
    failures = 0
    for platform, python, extra in product(PLATFORMS, PYTHONS, EXTRAS):
        problem = resolves(platform, python, extra)
        print(f"{platform:8} {python}  {extra:10}  {problem or 'resolves'}")
        failures += bool(problem)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
