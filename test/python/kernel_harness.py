"""A server's side of the kernel channel, for tests: starts a kernel as the server does and talks to it.

The kernel's interpreter is KERNEL_PYTHON (default: the one that runs the tests). KERNEL_TEST_SIZE scales how often
the repeated tests repeat (default 1).
"""

import heapq
import os
import random
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'python'))
import session_kernel as wire  # noqa: E402  (its `pack` and `unpack`; importing it does nothing)

KERNEL = os.path.abspath(wire.__file__)
PYTHON = os.environ.get('KERNEL_PYTHON') or sys.executable
SIZE = float(os.environ.get('KERNEL_TEST_SIZE') or 1)
BOOT = (
    'import sys;from _frozen_importlib_external import SourceFileLoader as L;p=sys.argv[1];'
    'm=type(sys)("session_kernel");m.__file__=p;'
    'exec(L("session_kernel",p).get_code("session_kernel"),m.__dict__);m.main()'
)
HEADER = struct.Struct('>IBI')
PATIENCE_S = 20


def times(count: int) -> int:
    """How often to repeat what is repeated `count` times at the default size."""
    return max(1, int(count * SIZE))


def python_version() -> tuple:
    text = subprocess.check_output([PYTHON, '-c', 'import sys; print(*sys.version_info[:3])'])
    return tuple(map(int, text.split()))


VERSION = python_version()


class Stuck(AssertionError):
    """Nothing more came in time."""


class Lost(AssertionError):
    """The kernel hung up."""


class Result:
    """What a run gave: its events without `done`, the raw output of fds 1 and 2, and `done` itself."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.events = []
        self.raw = {1: b'', 2: b''}
        self.done = None
        self.fenced = False

    def text(self, *names: str) -> str:
        return ''.join(e['text'] for e in self.events if e['event'] in (names or ('stdout',)))

    @property
    def gets(self) -> list:
        return [e['text'] for e in self.events if e['event'] == 'get']

    @property
    def status(self) -> str:
        return self.done['status']

    @property
    def value(self) -> 'str | None':
        return self.done.get('value', {}).get('repr')

    @property
    def exception(self) -> dict:
        return self.done.get('exception', {})

    def __repr__(self) -> str:
        return 'Result(%r, raw=%r, events=%r)' % (self.done, self.raw, self.events[:20])


class Kernel:
    """One kernel. `run` and `request` wait for their answer; `start` and `collect` do not and do."""

    def __init__(self, *, pipes: bool = True, lease: bool = True, env: 'dict | None' = None, **popen: object) -> None:
        self.directory = tempfile.mkdtemp(prefix='k-')
        self.run_number = 0
        self.request_number = 0
        self.results = {}
        self.session_events = []
        self.replies = {}
        self.inputs = []
        self.on_event = None
        self.held = None  # (done, fenced result) waiting for its marker
        self.nudges = []  # (when, run)
        self.inbox = b''
        self.pipe_tails = {1: b'', 2: b''}
        path = os.path.join(self.directory, 's')
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(PATIENCE_S)
        self.secret = secrets.token_hex(16)
        self.spawn(path, pipes, lease, env, popen)
        self.connect(listener)
        self.hello = self.read_hello()
        self.open_pipes(pipes)

    def spawn(self, path: str, pipes: bool, lease: bool, env: 'dict | None', popen: dict) -> None:
        start = {'socket': path, 'secret': self.secret, 'lease': lease, 'generation': 1}
        start['fault'] = os.path.join(self.directory, 'fault')
        if pipes:
            start.update(out=os.path.join(self.directory, 'o'), err=os.path.join(self.directory, 'e'))
        ours, theirs = socket.socketpair()
        if theirs.fileno() != 3:
            self.three = self.free_three()
        self.lease = ours
        keep = os.dup2(theirs.fileno(), 3) if theirs.fileno() != 3 else 3
        theirs = None if theirs.fileno() == 3 else theirs.close()
        sink = subprocess.DEVNULL if pipes else subprocess.PIPE
        self.process = subprocess.Popen(
            [PYTHON, '-c', BOOT, KERNEL],
            stdin=subprocess.DEVNULL,
            stdout=sink if not popen.pop('show', None) else None,
            stderr=sink if pipes is False else None,
            pass_fds=(keep,),
            env={**os.environ, **(env or {})},
            start_new_session=True,
            **popen,
        )
        os.close(3)
        payload = wire.pack(start)
        ours.sendall(HEADER.pack(5 + len(payload), 0, 0) + payload)
