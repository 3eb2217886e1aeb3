"""Exporters that are forked from a process which has imported all, once for many exports.

python tools/export_writers.py    # serves one backend: lines in, lines out
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_servers: dict[str, subprocess.Popen] = {}


def run_writer(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """What `framl_keras.export.place.run_writer` does, without the imports of each process."""
    backend = environment["KERAS_BACKEND"]
    server = _servers.get(backend)
    if server is None or server.poll() is not None:
        pipe = subprocess.PIPE
        server = _servers[backend] = subprocess.Popen(
            [sys.executable, __file__], env=environment, stdin=pipe, stdout=pipe, text=True
        )
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        server.stdin.write(json.dumps([list(arguments), str(said), os.getcwd()]) + "\n")
        server.stdin.flush()
        while (line := server.stdout.readline()) and not line.startswith("ended "):
            pass
        text = said.read_text(encoding="utf-8", errors="replace") if said.exists() else ""
    status = int(line.split()[1]) if line else 1
    return subprocess.CompletedProcess(list(arguments), status, "", text)


def serve() -> None:
    """Forks an exporter for each line."""
    import keras  # noqa: F401 - imported once, for all

    if os.environ["KERAS_BACKEND"] == "torch":
        import onnxscript  # noqa: F401
    import framl_keras.layers
    import framl_keras.losses
    import framl_keras.models.folded
    import framl_keras.models.fused  # noqa: F401
    from framl_keras.export import write as exporter

    for line in sys.stdin:
        arguments, said, folder = json.loads(line)
        process = os.fork()
        if not process:
            export(exporter, arguments, said, folder)
        _, status = os.waitpid(process, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


def export(exporter, arguments: Sequence[str], said: str, folder: str) -> None:
    """The work of a fork, in the folder of who asked, which ends with it."""
    os.chdir(folder)
    output = os.open(said, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv, status = ["write", *arguments], 1
    try:
        exporter.main()
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
