"""A server's side of the kernel channel, for tests: starts a kernel as the server does and talks to it.

The kernel's interpreter is KERNEL_PYTHON (default: the one that runs the tests). KERNEL_TEST_SIZE scales how often
the repeated tests repeat (default 1).
"""

import heapq
import os
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
import session_kernel as wire  # its `pack` and `unpack`; importing it does nothing

KERNEL = os.path.abspath(wire.__file__)
PYTHON = os.environ.get('KERNEL_PYTHON') or sys.executable
SIZE = float(os.environ.get('KERNEL_TEST_SIZE') or 1)
VERSION = tuple(
    map(int, subprocess.check_output([PYTHON, '-c', 'import sys; print(*sys.version_info[:3])']).split())
)
BOOT = (
    'import sys;from _frozen_importlib_external import SourceFileLoader as L;p=sys.argv[1];'
    'm=type(sys)("session_kernel");m.__file__=p;'
    'exec(L("session_kernel",p).get_code("session_kernel"),m.__dict__);m.main()'
)
HEADER = struct.Struct('>IBI')
MARKER_BYTES = 18  # \0F and 16 hex digits
PATIENCE_S = 20


def times(count: int) -> int:
    """How often to do what is done `count` times at the default size."""
    return max(1, int(count * SIZE))


class Stuck(AssertionError):
    """What was waited for did not come in time."""


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
        return 'Result(%r, raw=%.300r, events=%.800r)' % (self.done, self.raw, self.events)


class Kernel:
    """One kernel. `run` and `request` wait for their answer; `start` does not, `collect` waits later."""

    def __init__(self, *, pipes: bool = True, lease: bool = True, env: 'dict | None' = None, cwd: str = '') -> None:
        self.directory = tempfile.mkdtemp(prefix='k-')
        self.number = 0
        self.request_number = 0
        self.results = {}
        self.replies = {}
        self.session = Result(0)
        self.on_event = lambda event: None
        self.busy = False  # leaves the pipes unread for as long as it can, as a busy server does
        self.names = set()  # of the namespace, as the kernel told
        self.taken = []  # runs whose interrupts were acknowledged
        self.nudges = []  # (when, run)
        self.waiting = None  # (result, done, marker): held back for the marker
        self.inbox = b''
        self.tails = {1: b'', 2: b''}
        self.pipes = {}
        self.secret = secrets.token_hex(16)
        self.returncode = None
        listener = socket.socket(socket.AF_UNIX)
        listener.settimeout(PATIENCE_S)
        listener.bind(os.path.join(self.directory, 's'))
        listener.listen(1)
        self.spawn(pipes, lease, dict(os.environ, **(env or {})), cwd)
        self.channel, _ = listener.accept()
        self.channel.setblocking(False)
        listener.close()
        self.hello = None
        self.until(lambda: self.hello)
        for fd, name in ((1, 'o'), (2, 'e')) if pipes else ():
            self.pipes[fd] = os.open(os.path.join(self.directory, name), os.O_RDONLY | os.O_NONBLOCK)

    def spawn(self, pipes: bool, lease: bool, env: dict, cwd: str) -> None:
        """fds 0 null, 1 and 2 pipes, 3 a socket with one frame on it; a session of its own."""
        start = {'socket': os.path.join(self.directory, 's'), 'secret': self.secret, 'lease': lease, 'generation': 1}
        start['fault'] = os.path.join(self.directory, 'fault')
        if pipes:
            start.update(out=os.path.join(self.directory, 'o'), err=os.path.join(self.directory, 'e'))
        self.lease, theirs = socket.socketpair()
        ends = {1: os.pipe(), 2: os.pipe()}
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, ends[fd][1], fd) for fd in ends]
        actions += [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)]
        boot = BOOT if not cwd else 'import os;os.chdir(%r);%s' % (cwd, BOOT)
        arguments = [PYTHON, '-c', boot, KERNEL]
        self.pid = os.posix_spawn(PYTHON, arguments, env, file_actions=actions, setsid=True)
        theirs.close()
        for fd, (reader, writer) in ends.items():
            os.close(writer)
            os.set_blocking(reader, False)
            self.pipes[fd] = reader
        payload = wire.pack(start)
        self.lease.sendall(HEADER.pack(5 + len(payload), 0, 0) + payload)

    # ---- what tests do

    def start(self, code: str, **options: object) -> int:
        self.number += 1
        self.results[self.number] = Result(self.number)
        if options:
            self.send(6, self.number, wire.pack({'code': code, **options}))
        else:
            self.send(1, self.number, code.encode('utf-8', 'surrogatepass'))
        return self.number

    def collect(self, run: int, timeout_s: float = PATIENCE_S) -> Result:
        self.until(lambda: self.results[run].done, timeout_s)
        return self.results.pop(run)

    def run(self, code: str, timeout_s: float = PATIENCE_S, **options: object) -> Result:
        return self.collect(self.start(code, **options), timeout_s)

    def value(self, code: str) -> 'str | None':
        """The repr of the code's value."""
        result = self.run(code, value='repr')
        if result.status != 'ok':
            raise AssertionError(result)
        return result.value

    def begun(self, code: str, **options: object) -> int:
        """Start code that prints `ready` on a line of its own once it is where the test wants it; wait for that."""
        run = self.start(code, **options)
        self.until(lambda: 'ready\n' in self.results[run].text() or self.results[run].done)
        return run

    def interrupt(self, run: 'int | None' = None, level: int = 1) -> None:
        self.send(3, self.number if run is None else run, bytes((level,)))

    def stop(self, run: int, timeout_s: float = 2) -> 'tuple[Result, int]':
        """Interrupt until the run ends → (its result, how often it took)."""
        for count in range(1, 5):
            self.interrupt(run)
            try:
                return self.collect(run, timeout_s), count
            except Stuck:
                pass
        raise Stuck('after 4 interrupts')

    def request(self, op: str = 'stack', timeout_s: float = PATIENCE_S, **fields: object) -> dict:
        self.request_number += 1
        number = self.request_number
        self.send(4, 0, wire.pack({'id': number, 'op': op, **fields}))
        self.until(lambda: number in self.replies, timeout_s)
        return self.replies.pop(number)

    def input(self, run: int, **answer: object) -> None:
        self.send(5, run, wire.pack(answer))

    def close(self) -> None:
        """Kill what is left of it and of its children, as a server does, and remove its directory."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self.returncode is None:
            self.wait()
        self.channel.close()
        self.lease.close()
        for fd in self.pipes.values():
            os.close(fd)
        shutil.rmtree(self.directory)

    def wait(self) -> int:
        """The exit code, negative for a signal."""
        status = os.waitpid(self.pid, 0)[1]
        self.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.returncode

    # ---- the channel

    def send(self, kind: int, run: int, payload: bytes) -> None:
        view = memoryview(HEADER.pack(5 + len(payload), kind, run) + payload)
        while view:
            try:
                view = view[self.channel.send(view) :]
            except BlockingIOError:
                self.pump(0.05)

    def until(self, condition: object, timeout_s: float = PATIENCE_S) -> None:
        """Take what comes until the condition holds."""
        end = time.monotonic() + timeout_s
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                raise Stuck('waited %g s' % timeout_s)
            self.pump(left)

    def pump(self, timeout_s: float) -> None:
        while self.nudges and self.nudges[0][0] <= time.monotonic():
            self.send(8, heapq.heappop(self.nudges)[1], b'')
        if self.nudges:
            timeout_s = min(timeout_s, max(0, self.nudges[0][0] - time.monotonic()))
        fds = [self.channel.fileno(), *self.pipes.values()]
        ready = self.busy and select.select(fds[:1], [], [], min(timeout_s, 0.003))[0]
        ready = ready or select.select(fds, [], [], timeout_s)[0]
        for fd, pipe in self.pipes.items():
            if pipe in ready:
                self.take_raw(fd, os.read(pipe, 65536))
        if self.channel.fileno() in ready:
            self.take_frames(self.channel.recv(1 << 20))

    def take_raw(self, fd: int, data: bytes) -> None:
        self.tails[fd] += data
        self.release()

    def take_frames(self, data: bytes) -> None:
        if not data:
            raise Lost('the kernel hung up')
        data = self.inbox + data
        at = 0
        while len(data) - at >= 9:
            size, kind, run = HEADER.unpack_from(data, at)
            if len(data) - at - 4 < size:
                break
            self.take(kind, run, data[at + 9 : at + 4 + size])
            at += 4 + size
        self.inbox = data[at:]

    def take(self, kind: int, run: int, payload: bytes) -> None:
        if kind == 0:
            self.hello = wire.unpack(payload)
        elif kind == 2:
            event = wire.unpack(payload)
            if list(event)[:2] != ['event', 'run'] or event['run'] != run:
                raise AssertionError('an event must begin with event and run: %r' % event)
            result = self.results[run] if run else self.session
            if result.done:
                raise AssertionError('an event after done: %r' % event)
            result.events.append(event)
            self.on_event(event)
        elif kind in (3, 7):
            marker = b''
            if kind == 7:
                size = payload[0]
                marker, payload = b'\0F' + payload[1 : 1 + size], payload[1 + size :]
            self.waiting = self.results[run], wire.unpack(payload), marker
            self.release()
        elif kind == 4:
            reply = wire.unpack(payload)
            self.replies[reply['id']] = reply
        elif kind == 8:
            heapq.heappush(self.nudges, (time.monotonic() + payload[0] / 1000, run))
        elif kind == 9:
            self.taken.append(run)
        elif kind == 10:
            change = wire.unpack(payload)
            self.names = self.names.difference(change['went']).union(change['came'])
        else:
            raise AssertionError('unknown kind %d' % kind)

    def release(self) -> None:
        """A run is done when its marker, if it has one, has come through both pipes."""
        if self.waiting is None:
            return
        result, done, marker = self.waiting
        if marker and any(marker not in tail for tail in self.tails.values()):
            return
        for fd, tail in self.tails.items():
            result.raw[fd], _, self.tails[fd] = tail.partition(marker) if marker else (tail, b'', b'')
        self.waiting = None
        result.fenced = bool(marker)
        result.done = done


def alive(pid: int) -> bool:
    """Does the process run, zombies not counted?"""
    try:
        with open('/proc/%d/stat' % pid) as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except FileNotFoundError:
        return False


class KernelTest(unittest.TestCase):
    """A test with a kernel of its own, `self.kernel`, that must still work at the end."""

    kernel_options = {}
    ends_dead = False

    def setUp(self) -> None:
        self.kernel = Kernel(**self.kernel_options)
        self.addCleanup(self.kernel.close)

    def tearDown(self) -> None:
        if not self.ends_dead and self.kernel.returncode is None:
            self.assertEqual(self.kernel.value('1+1'), '2')

    def ok(self, result: Result) -> Result:
        self.assertEqual(result.status, 'ok', result)
        return result

    def interrupted(self, result: Result, by: 'str | None' = None) -> Result:
        self.assertEqual(result.status, 'interrupted', result)
        if by:
            self.assertEqual(result.done['by'], by)
        return result
