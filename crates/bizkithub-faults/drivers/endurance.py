"""Makes so many calls, opens and closes so many clients, and prints the resident memory along the way as JSON."""

import gc
import json
import os
import sys
from pathlib import Path

import bizkithub

calls, clients = int(sys.argv[1]), int(sys.argv[2])
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Return the resident memory in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def repeat(times: int, step: object) -> list[int]:
    """Do something so often, and look at the memory after each tenth."""
    memory = []
    for number in range(times):
        step()
        if (number + 1) % (times // 10) == 0:
            memory.append(resident())
    return memory


def open_and_close() -> None:
    """Use a client once."""
    with bizkithub.Client(quota="1000000000/h") as short:
        short.add_groups(email="customer1@example.com", groups=["vip"])


with bizkithub.Client(quota="1000000000/h") as client:
    of_calls = repeat(calls, lambda: client.add_groups(email="customer1@example.com", groups=["vip"]))
print(json.dumps({"calls": of_calls, "clients": repeat(clients, open_and_close)}))
