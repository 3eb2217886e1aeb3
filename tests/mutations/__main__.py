"""Runs the mutations of all formats, or of those named, and prints the table."""

import argparse
import os
import tempfile
from pathlib import Path

import framl_keras.untrusted.child
import framl_keras.untrusted.reader_process
import mutations.run
from mutations.formats import FORMATS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="beginnings of formats' names")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--show", type=int, default=3, help="faults shown of each format")
    arguments = parser.parse_args()
    framl_keras.untrusted.child.call_in_child = mutations.run.called_in_fork
    framl_keras.untrusted.reader_process.subprocess = mutations.run.FORKS
    print(mutations.run.HEADER, flush=True)
    for form in FORMATS:
        if not arguments.names or form.name.startswith(tuple(arguments.names)):
            with tempfile.TemporaryDirectory() as folder:
                os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
                _report(form, Path(folder), arguments)


def _report(form, folder, arguments):
    try:
        outcomes = mutations.run.run(form, folder, arguments.count, arguments.first)
    except ImportError as error:
        print(f"{form.name:26} not installed: {error}")
        return
    print(mutations.run.row(form, outcomes), flush=True)
    bad = [o for o in outcomes if o.kind in ("foreign", "death") or o.seconds > 10 or o.mib > 512]
    for outcome in bad[: arguments.show]:
        lines = outcome.text.strip().splitlines()[-6:]
        print(f"  #{outcome.number} {outcome.kind} {outcome.seconds:.1f} s {outcome.mib:.0f} MiB")
        print("\n".join(f"    {line}" for line in lines), flush=True)


main()
