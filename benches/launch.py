"""Runs a program and writes what it cost: `launch.py FILE PROGRAM ARGUMENT…`.

A process inherits its parent's peak of memory (getrusage(2)), so the parent has to be a small one, not the harness.
"""

import json
import os
import sys

figures, program, *arguments = sys.argv[1:]
pid = os.posix_spawnp(program, [program, *arguments], os.environ)
_, status, usage = os.wait4(pid, 0)
with open(figures, "w", encoding="ascii") as file:  # noqa: PTH123 - what this imports counts as memory of the program.
    json.dump({"cpu": usage.ru_utime + usage.ru_stime, "megabytes": usage.ru_maxrss / 1e3}, file)
sys.exit(os.waitstatus_to_exitcode(status))
