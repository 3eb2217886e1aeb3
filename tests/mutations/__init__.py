"""Damages every file that a command opens, and looks at what becomes of the process.

    PYTHONPATH=tests python -m mutations --count 5000

prints a table: for each format how many mutations ended in our error, in data after all,
in a foreign exception or in the death of the process, and the slowest and largest of them.
A number is always the same mutation, so that a fault is found again by `--first`. Threads of
JAX or TensorFlow and forks do not go together: run some formats at a time, on Torch.

5,000 of each format, November 2026: no foreign exception, and no death of the process that
called; none took more than 120 MiB or a second but these. HDF5 of encoded images, 258 MiB and
5.5 s. HDF5 within `.keras`, 590 MiB, and of
Keras 2, 10.3 s by the clock of a busy machine: its child process may take 6 s of processor time,
and here 512 MiB on top of what this process has, while a real one has them in all.
"tensorflow index, sound", 202 deaths: here TensorFlow reads in the process itself. Three of these
were read as commands do, in a child: our error each.
"""
