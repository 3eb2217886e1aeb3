"""One of two processes: says what it gets of the other. Killed at a word, if it is the second."""

import os
import sys

import numpy as np

from framl_keras.errors import UserError
from framl_keras.processes import agree, join

processes = join()
try:
    with processes.scope():
        mine = np.full((3 * processes.process, 2), processes.process, np.float64)
        print([rows.tolist() for rows in processes.all_of(mine)])
        many = np.arange(40_000 * (1 + processes.process)).reshape(-1, 4)
        print([int(rows.sum()) for rows in processes.all_of(many)])
        print(processes.any(processes.process == 1), processes.any(False))
        try:
            agree(processes, UserError("ein Fehler: ü") if processes.process else None)
        except UserError as error:
            print(error)
        if "killed" in sys.argv and processes.process:
            os._exit(3)
except UserError as error:
    print(f"{type(error).__name__}: {error}")
    sys.exit(2)
