"""Follows a long snippet as it goes, and interrupts one that takes too long.

    python3 stream.py SOCKET

`sock_client.py` is one file of the standard library's means; put it beside your program, or on PYTHONPATH.
"""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
from sock_client import Action, control, run_snippet, stream  # noqa: E402

PROGRESS = """
import time
for step in range(3):
    print("step", step)
    get(step * step)
"""

ENDLESS = """
while True:
    pass
"""


def main(address: str) -> None:
    # All at once, as the original sock_python has it.
    output, exception = run_snippet(address, "x = 6\nget(x * 7)")
    print("output:", output, "exception:", repr(exception))

    # Event by event, while it runs. The session still knows x.
    for event in stream(address, PROGRESS):
        if event["event"] in ("stdout", "get"):
            print(event["event"], repr(event["text"]))

    # Control goes on another connection, and never waits behind a snippet.
    for event in stream(address, ENDLESS):
        if event["event"] == "started":
            threading.Timer(0.1, control, [address, Action.INTERRUPT], {"run": event["run"]}).start()
        elif event["event"] == "done":
            print("ended:", event["status"], "- namespace kept:", event["kept"])
    print("x is still", run_snippet(address, "get(x)")[0])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "session.sock")
