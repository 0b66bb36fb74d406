"""The command `bizkithub`."""

from __future__ import annotations

import signal
import sys

from bizkithub import _native


def main() -> int:
    """Run the command with the program's arguments.

    Returns:
        The exit code: 0 all applied, 1 some rejected, 2 usage or input, 3 key or permission, 4 quota, 5 network or
        server, 6 ledger, 130 interrupted.

    """
    # The command handles Ctrl-C itself: it finishes its report.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.run_command(["bizkithub", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
