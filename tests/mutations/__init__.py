"""Damages every file that a command opens, and looks at what becomes of the process.

    PYTHONPATH=tests python -m mutations --count 5000

prints a table: for each format how many mutations ended in our error, in data after all,
in a foreign exception or in the death of the process, and the slowest and largest of them.
A number is always the same mutation, so that a fault is found again by `--first`.
"""
