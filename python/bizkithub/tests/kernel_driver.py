"""Drives a real kernel from a process of its own, because its client leaves sockets and loops behind.

Reads one piece of code a line, as JSON, and answers with what the kernel said, one JSON array a line. The first line
tells the kernel's process, which the caller may interrupt.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from jupyter_client.manager import start_new_kernel


def main() -> None:
    """Serve until the input ends."""
    manager, client = start_new_kernel()
    provisioner: Any = manager.provisioner
    answer(provisioner.pid)
    for line in sys.stdin:
        answer(run(client, json.loads(line)))
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def answer(value: object) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def run(client: Any, code: str) -> list[dict[str, Any]]:
    """Run code, and collect what the kernel says."""
    number = client.execute(code)
    messages: list[dict[str, Any]] = []
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") != number:
            continue
        if message["content"].get("execution_state") == "idle":
            return messages
        messages.append({"type": message["msg_type"], **message["content"]})


if __name__ == "__main__":
    main()
