"""The kernel: the Python process that holds a session's namespace and runs its snippets, one at a time.

Standard library only, CPython 3.8 to 3.14. The server starts it as `python -c BOOT this-file`, where BOOT loads the
file's cached code into a fresh module object and calls `main()`; importing the file does nothing.

    server ──(frame on fd 3: where to dial)──▶ main ──▶ serve ──▶ execute ──▶ boundary ──▶ the user's code
       ▲                                                  ▲                                   │ print, get, display
       └────────── UNIX socket, the channel ──────────────┴── on_signal (SIGURG) ◀────────────┘ events

There is one thread. While user code runs, a message on the channel raises SIGURG and `on_signal` takes it between two
bytecodes. One rule keeps that safe, the window: *a handler acts only while the window is open; otherwise it leaves a
note, and whoever opens the window looks for notes.* Everything below that is marked "window shut" relies on it.

A frame of the channel is u32 length of the rest, u8 kind, u32 run, payload; see `docs/protocol.md`.
Hints that 3.8 cannot evaluate are quoted, for `from __future__` would cost an import before the hello.
"""

import sys
import _frozen_importlib_external
import _imp
from _thread import RLock, get_ident, _count as count_threads, get_native_id

# ------------------------------------------------------------------------------------------------- imports of ours


class StandardLibraryFinder:
    """An entry of `sys.meta_path` with two small duties.

    Inside `with FINDER:` this thread finds the standard library only, so that a `json.py` beside the user's code is
    never run by us. And the modules in PATCHES get their patch right after their import, whoever imports them, so
    that we need not import them ourselves.
    """

    def __init__(self) -> None:
        self.importers = set()  # idents of the threads that import for us at the moment
        self.resident = False

    def __enter__(self) -> None:
        self.importers.add(get_ident())
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        self.importers.discard(get_ident())
        if not self.resident and self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: object = None, target: object = None) -> 'ModuleSpec | None':
        spec = None
        if path is None and get_ident() in self.importers:
            if name in sys.builtin_module_names or _imp.is_frozen(name):
                return None
            spec = _frozen_importlib_external.PathFinder.find_spec(name, STANDARD_PATH)
            if spec is None:
                raise ModuleNotFoundError('No module named %r' % name, name=name)
        patch = PATCHES.get(name)
        if patch is None:
            return spec
        for finder in sys.meta_path:
            if spec is None and finder is not self:
                spec = finder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is _frozen_importlib_external.SourceFileLoader:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (load(module), patch(module))
        return spec


def standard_path() -> 'list[str]':
    """The entries of sys.path that belong to the interpreter itself."""
    library = _frozen_importlib_external._path_split(sys.modules['os'].__file__)[0]
    ends = ('/lib-dynload', 'python%d%d.zip' % sys.version_info[:2])
    return [entry for entry in sys.path if entry == library or entry.endswith(ends)] or [library]


PATCHES = {}
STANDARD_PATH = standard_path()
FINDER = StandardLibraryFinder()

with FINDER:
    import _ast
    import _contextvars
    import _signal
    import _socket
    import _struct
    import builtins
    import faulthandler
    import fcntl
    import io
    import os
    import select
    from _collections import deque
    from itertools import islice
    from os import getpid
    from time import perf_counter

# A snippet may spoil a builtin (`len = …` in builtins); the functions below keep the ones they were born with.
__builtins__ = dict(vars(builtins))
OURS = globals()


def standard(name: str) -> 'ModuleType':
    """The standard library's module `name`, imported late (window shut) if need be."""
    module = sys.modules.get(name)
    if module is not None:
        return module
    was, window.shut = window.shut, 1
    try:
        with FINDER:
            __import__(name)
        return sys.modules[name]
    finally:
        window.shut = was
        if not was and (window.pending or window.postponed):
            look(sys._getframe())


# ----------------------------------------------------------------------------------------------------------- state

# kernel → server
HELLO, EVENT, DONE, REPLY, DONE_FENCED, AGAIN, TAKEN, NAMES = 0, 2, 3, 4, 7, 8, 9, 10
# server → kernel
RUN, INTERRUPT, REQUEST, INPUT, RUN_WITH, NUDGE = 1, 3, 4, 5, 6, 8
# What a message may demand of the run that is on; the stronger wins.
OVERDUE, NUDGED, ORDINARY, FORCED = 1, 2, 3, 4

SIGNAL = _signal.SIGURG  # by default it is ignored, so a careless reset makes us deaf for a while, not dead
PRIVATE_FD = 500  # our descriptors lie from here on, out of the way of `os.closerange(3, 256)`
RECEIVE_BYTES = 65536
CHUNK_BYTES = 262144  # of one output event; between two of them an interrupt may act
LINE_BYTES = 8192  # a line that grows longer is sent before it ends
NEWLINE, RETURN = 10, 13  # as numbers: looking for a bytes object first makes an error that is thrown away
GET_BYTES = 67_000_000  # what fits in one frame for clients
REPR_CHARS = 65536
REPR_NODES = 20000
REPR_SECONDS = 2.0
DATA_BYTES = 16_777_216
MESSAGE_CHARS = 262144
TRACEBACK_FRAMES = 100  # kept at each end
TRACEBACK_CHARS = 131072  # kept at each end
CAUSES = 16
NAME_COUNT, NAME_CHARS = 1000, 100  # told to the server after a run
SOURCE_COUNT, SOURCE_CHARS = 1000, 8_388_608
CODE_COUNT, CODE_CHARS = 256, 4096
LEAVE_SECONDS = 5
CANCEL_MS, RESEND_MS, FORCE_MS, OVERDUE_MS = 10, 1, 50, 250

PID = getpid()
MAIN = get_ident()


class Window:
    """When our handlers may act. `shut`: only take a note. `waiting`: `ask` reads the channel itself."""

    __slots__ = ('shut', 'pending', 'waiting', 'postponed')

    def __init__(self) -> None:
        self.shut = 1
        self.pending = 0  # the note: a message came, or may have come
        self.waiting = False
        self.postponed = {}  # the user's own signals that came while shut: signal number → None, in order


class Run:
    """The run that is on; `number` is 0 between runs."""

    __slots__ = (
        *('number', 'last', 'interrupts', 'cancelling', 'nudge', 'lost', 'forcing', 'forced', 'tracer'),
        *('task', 'elders', 'answer', 'deadline', 'file', 'options', 'old_argv'),
    )

    def __init__(self) -> None:
        self.last = 0
        self.begin(0)

    def begin(self, number: int) -> None:
        self.number = number
        self.interrupts = 0  # how often it was asked to end
        self.cancelling = False  # its awaiting task was asked to end
        self.nudge = False  # the server was asked to remind us
        self.lost = 0  # interrupts that were swallowed where nothing can be raised
        self.forcing = self.forced = False
        self.tracer = None
        self.task = None
        self.elders = NO_OPTIONS  # threads older than this run: their output is not its
        self.answer = None
        self.deadline = 0.0  # of a repr() that is on
        self.file = ''
        self.options = NO_OPTIONS
        self.old_argv = None


class Session:
    """What lasts from run to run beside the namespace."""

    __slots__ = ('loop', 'underscore', 'names', 'size')

    def __init__(self) -> None:
        self.loop = None  # asyncio's, of top-level awaits; it is driven only while one is on
        self.underscore = None  # `_` as we last set it; another object there is the user's own
        self.names = set()  # those of the namespace that the server was told of
        self.size = 0  # of the namespace then


NO_OPTIONS = {}
window = Window()
run = Run()
session = Session()
parked = {}  # interrupts that came before their run: number → demand
queue = deque()  # (number, payload, is it plain code?)
RUN_OF = _contextvars.ContextVar('run')  # in the main thread: which run made this task

# ----------------------------------------------------------------------------------------------------- MessagePack

MAX_DEPTH = 64
SHORT, LONG = _struct.Struct('>BH').pack, _struct.Struct('>BI').pack


def pack_size(size: int, fixed: int, fixed_limit: int, tag8: int, tag16: int) -> bytes:
    """The head of a text, array or map: `fixed | size` if it is small, else the 8, 16 or 32 bit form."""
    if size < fixed_limit:
        return bytes((fixed | size,))
    if tag8 and size < 256:
        return bytes((tag8, size))
    return SHORT(tag16, size) if size < 65536 else LONG(tag16 + 1, size)


def pack_int(value: int) -> bytes:
    """The shortest form that holds it."""
    if 0 <= value < 128:
        return bytes((value,))
    if -32 <= value < 0:
        return bytes((value & 255,))
    forms = ('>BB', 0xCC, 8), ('>BH', 0xCD, 16), ('>BI', 0xCE, 32), ('>BQ', 0xCF, 64)
    if value < 0:
        forms = ('>Bb', 0xD0, 7), ('>Bh', 0xD1, 15), ('>Bi', 0xD2, 31), ('>Bq', 0xD3, 63)
    for form, tag, bits in forms:
        if -(1 << bits) <= value < 1 << bits:
            return _struct.pack(form, tag, value)
    raise ValueError('an integer of more than 64 bits')


def pack(value: object, depth: int = 0) -> bytes:
    """MessagePack of plain values; lone surrogates are written as escapes. ValueError if it cannot be."""
    kind = type(value)
    if kind is str:
        data = value.encode('utf-8', 'backslashreplace')
        return pack_size(len(data), 0xA0, 32, 0xD9, 0xDA) + data
    if kind is int:
        return pack_int(value)
    if kind is bool:
        return b'\xc3' if value else b'\xc2'
    if value is None:
        return b'\xc0'
    if kind is float:
        return _struct.pack('>Bd', 0xCB, value)
    if kind is bytes:
        return pack_size(len(value), 0, 0, 0xC4, 0xC5) + value
    if depth >= MAX_DEPTH:
        raise ValueError('nested too deeply')
    if kind is list or kind is tuple:
        head = pack_size(len(value), 0x90, 16, 0, 0xDC)
        return head + b''.join([pack(item, depth + 1) for item in value])
    if kind is dict:
        head = pack_size(len(value), 0x80, 16, 0, 0xDE)
        return head + b''.join([pack_key(key) + pack(item, depth + 1) for key, item in value.items()])
    raise ValueError('no MessagePack for %s' % kind.__name__)


def pack_key(key: object) -> bytes:
    if type(key) is not str:
        raise ValueError('a key that is not text')
    return pack(key)


NUMBERS = {0xCA: '>f', 0xCB: '>d', 0xCC: '>B', 0xCD: '>H', 0xCE: '>I', 0xCF: '>Q', 0xD0: '>b', 0xD1: '>h'}
NUMBERS.update({0xD2: '>i', 0xD3: '>q'})
SIZES = {0xC4: '>B', 0xC5: '>H', 0xC6: '>I', 0xD9: '>B', 0xDA: '>H', 0xDB: '>I', 0xDC: '>H', 0xDD: '>I'}
SIZES.update({0xDE: '>H', 0xDF: '>I'})
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


class Unpacker:
    """Strict reader of one MessagePack value; ValueError on anything else."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise ValueError('truncated')
        self.at += size
        return piece

    def number(self, form: str) -> 'int | float':
        return _struct.unpack(form, self.take(_struct.calcsize(form)))[0]

    def value(self, depth: int = 0) -> object:
        tag = self.take(1)[0]
        if tag < 0x80:
            return tag
        if tag >= 0xE0:
            return tag - 256
        if tag in CONSTANTS:
            return CONSTANTS[tag]
        if tag in NUMBERS:
            return self.number(NUMBERS[tag])
        if depth >= MAX_DEPTH:
            raise ValueError('nested too deeply')
        if tag < 0x90 or tag in (0xDE, 0xDF):
            return self.map(tag & 15 if tag < 0x90 else self.number(SIZES[tag]), depth)
        if tag < 0xA0 or tag in (0xDC, 0xDD):
            size = tag & 15 if tag < 0xA0 else self.number(SIZES[tag])
            return [self.value(depth + 1) for _ in range(size)]
        if tag < 0xC0 or tag in (0xD9, 0xDA, 0xDB):
            return str(self.take(tag & 31 if tag < 0xC0 else self.number(SIZES[tag])), 'utf-8')
        if tag in SIZES:
            return self.take(self.number(SIZES[tag]))
        raise ValueError('tag 0x%02x' % tag)

    def map(self, size: int, depth: int) -> 'dict[str, object]':
        result = {}
        for _ in range(size):
            key = self.value(depth + 1)
            if type(key) is not str or key in result:
                raise ValueError('a key that is not text, or twice there')
            result[key] = self.value(depth + 1)
        return result


def unpack(data: bytes) -> object:
    reader = Unpacker(data)
    result = reader.value()
    if reader.at != len(data):
        raise ValueError('trailing bytes')
    return result


# ------------------------------------------------------------------------------------------------- out: the frames

HEADER = _struct.Struct('>IBI')
LOCK = RLock()  # other threads print too
outbox = deque()  # what is to be sent behind the frame that is on its way: its rest first
NO_SIGNAL = _socket.MSG_NOSIGNAL


class Channel:
    """The connection home, and our private ways to what fds 1 and 2 were at the start."""

    __slots__ = ('socket', 'receive', 'send', 'sending', 'lease', 'pipes', 'own_pipes')

    def __init__(self) -> None:
        self.socket = None
        self.receive = self.send = None
        self.sending = False  # this very thread is in `transmit`
        self.lease = -1
        self.pipes = ()
        self.own_pipes = False  # FIFOs of ours: when they are empty, the server has all


channel = Channel()


def frame_of(kind: int, number: int, payload: bytes) -> bytes:
    return HEADER.pack(5 + len(payload), kind, number) + payload


def transmit(frame: bytes) -> None:
    """Send one frame whole, from any thread; in the main thread with the window shut.

    What is printed while this same thread sends (by gc, `__del__`, a trace function) waits in the outbox for the
    outer call. Without a server frames are dropped: end of file on the channel tells the main thread.
    """
    with LOCK:
        if channel.sending:
            outbox.append(frame)
            return
        while True:
            channel.sending = True
            try:
                sent = channel.send(frame, NO_SIGNAL)
                if sent != len(frame):
                    outbox.appendleft(memoryview(frame)[sent:])
            except OSError:
                outbox.clear()
            finally:
                channel.sending = False
            if not outbox:
                return
            frame = outbox.popleft()


def emit(frame: bytes) -> None:
    """`transmit` from wherever."""
    if getpid() != PID:
        return
    if get_ident() != MAIN:
        transmit(frame)
        return
    was, window.shut = window.shut, 1
    try:
        transmit(frame)
    finally:
        window.shut = was
        if not was and (window.pending or window.postponed):
            look(sys._getframe())


def again(delay_ms: int) -> None:
    """Ask the server to send NUDGE in a while: a timer without a thread or a signal of our own."""
    emit(frame_of(AGAIN, run.number, bytes((delay_ms,))))


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
        return True
    except UnicodeDecodeError:
        return False


def text_event(name: str) -> 'Callable[[int, bytes], bytes]':
    """→ a function that lays out the frame of `{event: NAME, run, text}`; this is the hot path of all output."""
    head = b'\x83\xa5event' + pack(name) + b'\xa3run\xce'
    lay_out = _struct.Struct('>IBI%dsI5sBI' % len(head)).pack
    size_without_text = 5 + len(head) + 14

    def frame(number: int, data: bytes) -> bytes:
        size = len(data)
        tag = 0xDB if data.isascii() or is_utf8(data) else 0xC6
        return lay_out(size_without_text + size, EVENT, number, head, number, b'\xa4text', tag, size) + data

    return frame


def map_event(name: str) -> 'Callable[[int, dict], bytes]':
    """The same for events with other fields."""

    def frame(number: int, fields: dict) -> bytes:
        return frame_of(EVENT, number, pack({'event': name, 'run': number, **fields}))

    return frame


GET_EVENT, DISPLAY_EVENT, INPUT_EVENT = text_event('get'), map_event('display'), map_event('input')


def main_credit() -> int:
    """Whose output the main thread makes now: the run's, unless a task that an earlier run left behind makes it."""
    number = run.number
    return number if RUN_OF.get(number) == number else 0


def thread_credit() -> int:
    """Whose output another thread makes (LOCK held): the run's only if the thread was born in it."""
    ident = get_ident()
    if ident not in run.elders:
        return run.number
    elder = run.elders[ident]
    return 0 if elder is None or elder is live_threads().get(ident) else run.number


def live_threads() -> dict:
    threading = sys.modules.get('threading')
    return threading._active if threading is not None else NO_OPTIONS


def elders() -> dict:
    """The threads that live now: ident → its Thread, or None where only the ident is known."""
    named = live_threads()
    return {ident: named.get(ident) for ident in sys._current_frames() if ident != MAIN}


def send_event(lay_out: 'Callable[[int, object], bytes]', body: object) -> None:
    """One event, after what this thread has written of a line."""
    if getpid() != PID:
        return
    if get_ident() != MAIN:
        with LOCK:
            pen_of_thread().flush()
            transmit(lay_out(thread_credit(), body))
        return
    was, window.shut = window.shut, 1
    try:
        main_pen.flush()
        transmit(lay_out(main_credit(), body))
    finally:
        window.shut = was
        if not was and (window.pending or window.postponed):
            look(sys._getframe())


# --------------------------------------------------------------------------------------------------------- streams


class Pen:
    """What one thread has written of a line that has not ended.

    Assembling lines here, a pen for each thread, keeps the lines of threads whole, the order of stdout, stderr and
    get() that of the calls, and every byte with the run that wrote it. Used with the window shut or LOCK held.
    """

    __slots__ = ('stream', 'number', 'held', 'busy')

    def __init__(self) -> None:
        self.stream = None
        self.number = 0
        self.held = b''
        self.busy = False

    def write(self, stream: 'Output', number: int, data: bytes) -> None:
        if self.busy:  # gc or a trace function prints in the middle of the lines below
            stream.put(number, data)
            return
        self.busy = True
        try:
            held, self.held = self.held, b''
            if held:
                if stream is self.stream and number == self.number:
                    data = held + data
                else:
                    self.stream.put(self.number, held)
            if len(data) >= LINE_BYTES or NEWLINE in data or RETURN in data:
                stream.put(number, data)
            else:
                self.stream, self.number, self.held = stream, number, data
        finally:
            self.busy = False

    def flush(self) -> None:
        if self.held and not self.busy:
            self.busy = True
            held, self.held = self.held, b''
            try:
                self.stream.put(self.number, held)
            finally:
                self.busy = False


main_pen = Pen()
pens = {}  # of the other threads, by ident


def pen_of_thread() -> Pen:
    pen = pens.get(get_ident())
    if pen is None:
        pen = pens[get_ident()] = Pen()
    return pen


class Output(io.RawIOBase):
    """The raw end of sys.stdout or sys.stderr: makes events, or in a forked child writes to the descriptor.
    Closing it does nothing."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = '<%s>' % name
        self.mode = 'wb'
        self.fd = fd
        self.event = text_event(name)

    def write(self, data: 'bytes | bytearray | memoryview') -> int:
        """The hot path of print(), which writes a text and then its newline."""
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        size = len(data)
        if size > CHUNK_BYTES:
            return sum(map(self.write, chunks(data)))
        if get_ident() != MAIN:
            with LOCK:
                pen_of_thread().write(self, thread_credit(), data)
            return size
        was, window.shut = window.shut, 1
        try:
            number = run.number
            if RUN_OF.get(number) != number:
                number = 0
            pen = main_pen
            if pen.held:
                if size == 1 and NEWLINE in data and pen.stream is self and pen.number == number and not pen.busy:
                    line, pen.held = pen.held + data, b''
                    self.put(number, line)
                else:
                    pen.write(self, number, data)
            elif pen.busy or size >= LINE_BYTES or NEWLINE in data or RETURN in data:
                pen.write(self, number, data)
            else:
                pen.stream, pen.number, pen.held = self, number, data
        finally:
            window.shut = was
            if not was and (window.pending or window.postponed):
                look(sys._getframe())
        return size

    def put(self, number: int, data: bytes) -> None:
        """What a pen has finished. (C code that forks duplicates what is held, as it does with C's stdio.)"""
        if getpid() == PID:
            transmit(self.event(number, data))
        else:
            write_fully(self.fd, data)

    def flush(self) -> None:
        if get_ident() != MAIN:
            with LOCK:
                pen_of_thread().flush()
            return
        was, window.shut = window.shut, 1
        try:
            main_pen.flush()
        finally:
            window.shut = was
            if not was and (window.pending or window.postponed):
                look(sys._getframe())

    @property
    def raw(self) -> 'Output':
        return self

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.fd

    def isatty(self) -> bool:
        return False

    def close(self) -> None:
        self.flush()


def chunks(data: bytes) -> 'Iterator[bytes]':
    """Pieces of at most CHUNK_BYTES that do not cut a UTF-8 character."""
    at = 0
    while at < len(data):
        end = at + CHUNK_BYTES
        cut = end
        while cut < len(data) and cut > end - 4 and data[cut] & 0xC0 == 0x80:
            cut -= 1
        yield data[at:cut]
        at = cut


def write_fully(fd: int, data: bytes) -> None:
    """write(2) until all is written."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Input(io.RawIOBase):
    """The raw end of sys.stdin: nothing, a given text, or lines asked of whoever sent the snippet."""

    def __init__(self, mode: object) -> None:
        self.name = '<stdin>'
        self.mode = 'rb'
        self.asks = mode == 'ask'
        self.ready = mode['text'].encode('utf-8', 'surrogatepass') if type(mode) is dict else b''
        self.prompt = ''
        self.password = False

    def readinto(self, buffer: bytearray) -> int:
        if not self.ready and self.asks:
            prompt, self.prompt, password, self.password = self.prompt, '', self.password, False
            self.ready = ask(prompt, password)
        size = min(len(buffer), len(self.ready))
        buffer[:size] = self.ready[:size]
        self.ready = self.ready[size:]
        return size

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def isatty(self) -> bool:
        return False

    def close(self) -> None:
        pass


class TextInput(io.TextIOWrapper):
    """sys.stdin. `exit()` closes it before it raises; that must not end all reading."""

    def close(self) -> None:
        pass


def text_input(mode: object) -> TextInput:
    return TextInput(io.BufferedReader(Input(mode)), encoding='utf-8', errors='surrogateescape')


class Streams:
    """Ours, whatever sys.stdin and the others are by now."""

    __slots__ = ('stdin', 'stdout', 'stderr')


streams = Streams()


def install_streams() -> None:
    """A TextIOWrapper right over the raw object: with a buffer between, an interrupt could send bytes twice."""
    for name, fd in ('stdout', 1), ('stderr', 2):
        raw = Output(name, fd)
        text = io.TextIOWrapper(raw, encoding='utf-8', errors='backslashreplace', newline='\n', write_through=True)
        text.mode = 'w'
        setattr(streams, name, text)
        setattr(sys, name, text)
        setattr(sys, '__%s__' % name, text)
    streams.stdin = sys.stdin = sys.__stdin__ = text_input('none')


def set_stdin(mode: object) -> None:
    """A fresh sys.stdin for a run, unless the user has put another there."""
    if sys.stdin is streams.stdin:
        streams.stdin = sys.stdin = sys.__stdin__ = text_input(mode)


def flush_streams() -> None:
    """What the user may have put in place of our streams is flushed too, if it can be."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not streams.stdout and stream is not streams.stderr and stream is not None:
            try:
                stream.flush()
            except Exception:
                pass


def ask(prompt: str, password: bool) -> bytes:
    """Ask the submitter for a line and wait on the channel; empty at end of file. Handles INPUT and all the rest.

    `waiting` is set before the event goes out: the answer may come at once, and must not be taken by the handler.
    """
    if get_ident() != MAIN or getpid() != PID or not run.number:
        return b''
    run.answer = None
    window.waiting = True
    try:
        send_event(INPUT_EVENT, {'prompt': prompt, 'password': password})
        poller = select.poll()
        poller.register(channel.socket, select.POLLIN)
        while run.answer is None:
            poller.poll()  # the user's own handlers may raise here
            was, window.shut = window.shut, 1
            try:
                window.pending = 0
                demand = drain(sys._getframe())
            finally:
                window.shut = was
            if demand:
                interrupt(sys._getframe(), demand)
    finally:
        window.waiting = False
        if not window.shut and (window.pending or window.postponed):
            look(sys._getframe())
    return run.answer


# ------------------------------------------------------------------------------------ what snippets find as builtins

builtin_input = input


def get(*values: object) -> None:
    """Hand the text of each value to whoever sent the snippet."""
    for value in values:
        data = str(value).encode('utf-8', 'backslashreplace')
        if len(data) > GET_BYTES:
            raise ValueError('get() takes at most %d bytes of text, not %d' % (GET_BYTES, len(data)))
        send_event(GET_EVENT, data)


def read_line(prompt: object = '') -> str:
    """Read a line from standard input, without its end. EOFError where there is none."""
    if sys.stdin is not streams.stdin:
        return builtin_input(prompt)
    raw = sys.stdin.buffer.raw
    text = str(prompt)
    if raw.asks:
        raw.prompt = text
    elif text and sys.stdout is not None:
        sys.stdout.write(text)
        sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError('EOF when reading a line')
    return line[:-1] if line.endswith('\n') else line


read_line.__name__ = read_line.__qualname__ = 'input'


def patch_getpass(module: 'ModuleType') -> None:
    """getpass.getpass() asks the submitter, who is told not to show the answer."""
    original = module.getpass

    def getpass(prompt: str = 'Password: ', stream: object = None, **options: object) -> str:
        """Ask for a password."""
        if sys.stdin is not streams.stdin or not sys.stdin.buffer.raw.asks:
            return original(prompt, stream, **options)
        sys.stdin.buffer.raw.password = True
        return read_line(prompt)

    module.getpass = getpass


MIME_METHODS = {
    '_repr_html_': 'text/html',
    '_repr_markdown_': 'text/markdown',
    '_repr_svg_': 'image/svg+xml',
    '_repr_png_': 'image/png',
    '_repr_jpeg_': 'image/jpeg',
    '_repr_pdf_': 'application/pdf',
    '_repr_latex_': 'text/latex',
    '_repr_json_': 'application/json',
    '_repr_javascript_': 'application/javascript',
}
BINARY_MIMES = ('image/png', 'image/jpeg', 'application/pdf')


def display(
    *objects: object, metadata: 'dict | None' = None, display_id: 'str | None' = None, raw: bool = False
) -> None:
    """Show objects by IPython's conventions; with `raw`, they are already maps of mime type to data."""
    for value in objects:
        data, more = (value, {}) if raw else mime_bundle(value)
        fields = {'data': {str(mime): mime_data(mime, item) for mime, item in data.items()}}
        more = {**more, **(metadata or {})}
        if more:
            fields['metadata'] = plain(more)
        if display_id is not None:
            fields['ref'] = str(display_id)
        send_event(DISPLAY_EVENT, fields)


def mime_bundle(value: object) -> 'tuple[dict, dict]':
    """→ (mime type → data, metadata). A method that fails is passed over: text/plain is always there."""
    data, metadata = {}, {}
    kind = type(value)
    for name, mime in MIME_METHODS.items():
        found = call_rich(kind, value, name)
        if type(found) is tuple and len(found) == 2:
            found, metadata[mime] = found
        if found is not None:
            data[mime] = found
    bundle = call_rich(kind, value, '_repr_mimebundle_', include=None, exclude=None)
    if type(bundle) is tuple and len(bundle) == 2:
        bundle, more = bundle
        metadata.update(more or {})
    data.update(bundle or {})
    data.setdefault('text/plain', bounded_repr(value))
    return data, metadata


def call_rich(kind: type, value: object, name: str, **options: object) -> object:
    """The result of a `_repr_…_` method; a class shown as itself has none."""
    if isinstance(value, type) or getattr(kind, name, None) is None:
        return None
    try:
        return getattr(value, name)(**options)
    except Exception:
        return None


def mime_data(mime: str, data: object) -> 'str | bytes':
    """Text or bytes, as events carry them: IPython's base64 of pictures becomes bytes, JSON becomes text."""
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    if isinstance(data, str):
        if mime in BINARY_MIMES:
            try:
                return standard('binascii').a2b_base64(data)
            except ValueError:
                pass
        return str(data)
    return standard('json').dumps(data, default=str)


def give_builtins() -> None:
    """A snippet that took one of our names for itself gives it back with the next."""
    names = vars(builtins)
    for name, function in OWN_BUILTINS.items():
        if names.get(name) is not function:
            names[name] = function
    namespace.pop('get', None)


OWN_BUILTINS = {'get': get, 'display': display, 'input': read_line}

# ------------------------------------------------------------------------------------------------ the user's signals
# User handlers (a SIGALRM that raises, a real SIGINT) must not hit the middle of a frame of ours, so `_signal`'s
# functions, which signal.py looks up at each call, are replaced: handlers wait while the window is shut, and our own
# signal can be neither taken nor blocked.

real_signal, real_getsignal = _signal.signal, _signal.getsignal
real_pthread_sigmask = getattr(_signal, 'pthread_sigmask', None)
handlers = {}  # the user's, by signal number


def set_handler(signalnum: int, handler: object, /) -> object:
    """Stands in for `_signal.signal`."""
    number = int(signalnum)
    known = handlers.get(number)
    if number == SIGNAL:
        handlers[number] = handler
        return _signal.SIG_DFL if known is None else known
    if handler is on_sigint or not callable(handler):
        previous = real_signal(signalnum, handler)
    else:
        handlers[number] = handler  # before it is installed: the signal may come at once
        try:
            previous = real_signal(signalnum, dispatch)
        except BaseException:
            if known is not None:
                handlers[number] = known
            raise
    return known if previous is dispatch else previous


def get_handler(signalnum: int, /) -> object:
    """Stands in for `_signal.getsignal`."""
    number = int(signalnum)
    if number == SIGNAL:
        return handlers.get(number, _signal.SIG_DFL)
    handler = real_getsignal(signalnum)
    return handlers.get(number) if handler is dispatch else handler


def set_mask(how: int, mask: 'Iterable[int]', /) -> 'set[int]':
    """Stands in for `_signal.pthread_sigmask`."""
    if how != _signal.SIG_UNBLOCK and get_ident() == MAIN:
        mask = set(mask) - {SIGNAL}
    return real_pthread_sigmask(how, mask)


def install_signal_functions() -> None:
    """Before signal.py is imported, as a rule."""
    _signal.signal, _signal.getsignal, _signal.default_int_handler = set_handler, get_handler, on_sigint
    if real_pthread_sigmask:
        _signal.pthread_sigmask = set_mask
    module = sys.modules.get('signal')  # imported by somebody's site hook: it has looked these up already
    if module is not None:
        module.default_int_handler = on_sigint


def dispatch(signum: int, frame: 'FrameType | None') -> None:
    """The handler that stands for every one the user installs."""
    if window.shut and getpid() == PID:
        window.postponed[signum] = None
    else:
        act_in(frame, handlers[signum], signum, frame)


def act_in(frame: 'FrameType | None', action: 'Callable', *arguments: object) -> None:
    """Do what may raise out of a handler.

    An exception that lands in the boundary's own frame must be the last one there: its two `try` are enough only
    if the window is shut behind it.
    """
    if frame is None or frame.f_code is not BOUNDARY:
        action(*arguments)
        return
    window.shut = 1
    action(*arguments)
    window.shut = 0
    if window.pending or window.postponed:
        look(frame)


def look(frame: 'FrameType | None') -> None:
    """Whoever opens the window and finds a note calls this."""
    while window.postponed and not window.shut:
        signum = next(iter(window.postponed))
        del window.postponed[signum]
        handler = real_getsignal(signum)
        if callable(handler):
            handler(signum, frame)
    if window.pending:
        on_signal(SIGNAL, frame)


def on_sigint(signum: int, frame: 'FrameType | None', /) -> None:
    """A real SIGINT, where the user has no handler for it. It never hits an idle kernel, nor the next run."""
    if window.shut and getpid() == PID:
        if run.number:
            window.postponed[signum] = None
    elif getpid() != PID or real_getsignal(_signal.SIGINT) is not on_sigint:
        raise KeyboardInterrupt
    else:
        known = run.interrupts
        on_signal(SIGNAL, frame)  # it may be the server's help where our own signal was blocked
        if run.interrupts == known:
            act_in(frame, interrupt, frame, ORDINARY)


on_sigint.__name__ = on_sigint.__qualname__ = 'default_int_handler'

# ---------------------------------------------------------------------------------------- our signal, and interrupts


def on_signal(signum: int, frame: 'FrameType | None') -> None:
    """SIGURG: take what came on the channel, answer it, and raise if it asks the run to end."""
    if window.shut or window.waiting or getpid() != PID:
        window.pending = 1
        return
    at_boundary = frame is not None and frame.f_code is BOUNDARY
    demand = 0
    while True:
        window.shut = 1
        window.pending = 0
        try:
            demand = max(demand, drain(frame))
        finally:
            if not (demand and at_boundary):
                window.shut = 0
        if not window.pending or window.shut:
            break
    if demand:
        act_in(frame, interrupt, frame, demand)


def interrupt(frame: 'FrameType | None', demand: int) -> None:
    """Make the run end: by what SIGINT would do; when asked again, by force."""
    in_hook = frame is not None and frame.f_code is UNRAISABLE  # raised in there it would be lost
    if demand == OVERDUE:
        again(OVERDUE_MS)
        if run.deadline and not in_hook:
            raise Overdue
        return
    run.interrupts += demand > NUDGED
    if demand == FORCED or run.interrupts > 1 or run.forcing:
        force(frame)
        run.nudge = True
        again(FORCE_MS)  # before 3.12, tracing may have been switched off for good by then
        if not in_hook:
            raise Forced
        return
    handler = real_getsignal(_signal.SIGINT)
    if handler is on_sigint and not run.cancelling and cancel_await(frame):
        return
    if in_hook:
        run.nudge = True
        again(RESEND_MS)
    elif handler is not on_sigint and callable(handler):
        imitate_sigint(handler, frame)
    else:
        raise KeyboardInterrupt


def cancel_await(frame: 'FrameType | None') -> bool:
    """Where a task is awaited, cancel it: KeyboardInterrupt inside asyncio would hit whichever task is on.

    If the loop does not come round to it in CANCEL_MS, because a coroutine is busy, the nudge raises after all.
    """
    task = run.task or awaited_future(frame)
    if task is None:
        return False
    try:
        task.get_loop().call_soon_threadsafe(cancel_task, task, run.number)
    except (RuntimeError, AttributeError):  # a closed loop, or no future of asyncio
        return False
    run.cancelling = run.nudge = True
    again(CANCEL_MS)
    return True


def cancel_task(task: 'Future', number: int) -> None:
    """Runs in the loop; late, in another run, it finds its task done."""
    if run.number == number and not task.done():
        run.nudge = False
    task.cancel()


def awaited_future(frame: 'FrameType | None') -> 'Future | None':
    """What the user's own run_until_complete waits for."""
    while frame is not None and frame.f_code is not BOUNDARY:
        code = frame.f_code
        if code.co_name == 'run_until_complete' and code.co_filename.endswith('base_events.py'):
            return frame.f_locals.get('future')
        frame = frame.f_back
    return None


def imitate_sigint(handler: 'Callable', frame: 'FrameType | None') -> None:
    """Somebody handles SIGINT: the user, asyncio.Runner, or a loop that waits for a byte on the wake-up fd."""
    asyncio = sys.modules.get('asyncio')
    loop = asyncio._get_running_loop() if asyncio is not None and not run.cancelling else None
    if loop is not None:
        run.cancelling = run.nudge = True
        loop.call_soon_threadsafe(calm, run.number)
        again(CANCEL_MS)
    fd = _signal.set_wakeup_fd(-1)
    if fd != -1:
        _signal.set_wakeup_fd(fd)
        try:
            os.write(fd, bytes((_signal.SIGINT,)))
        except OSError:
            pass
    handler(_signal.SIGINT, frame)


def calm(number: int) -> None:
    """The loop came round: the handler's work will be seen, no nudge is needed."""
    if run.number == number:
        run.nudge = False


def on_unraisable(info: 'UnraisableHookArgs') -> None:
    """An interrupt that fell into `__del__` or a callback is swallowed there: have it sent again, or force."""
    if not (issubclass(info.exc_type, KeyboardInterrupt) and run.interrupts and get_ident() == MAIN):
        original_unraisablehook(info)
        return
    if run.forcing:
        return
    run.lost += 1
    if run.lost > 3:
        force(sys._getframe(1))
        return
    while True:  # a note taken while shut would otherwise raise in here, and be lost again
        was, window.shut = window.shut, 1
        window.pending = 0
        run.nudge = True
        again(RESEND_MS)
        window.shut = was
        if was or not window.pending:
            return


original_unraisablehook = sys.unraisablehook
UNRAISABLE = on_unraisable.__code__

# ------------------------------------------------------------------------------------------------- forced interrupts
# Raise at every line until the boundary, for loops that swallow. From 3.12 on `sys.monitoring` stays armed when a
# callback raises. Before, CPython switches tracing off when the trace function raises, so it is switched on again
# when the swallowed exception dies.

monitoring = getattr(sys, 'monitoring', None)
TOOLS = (4, 3, 5, 2)


class Overdue(BaseException):
    """A repr() took too long."""


class Forced(KeyboardInterrupt):
    """Raised at every line; looks like any KeyboardInterrupt."""

    def __del__(self) -> None:
        if run.forcing and not monitoring:
            trace_from(sys._getframe(1))


Forced.__name__ = Forced.__qualname__ = 'KeyboardInterrupt'
Forced.__module__ = 'builtins'


def force(frame: 'FrameType | None') -> None:
    """From now on raise at every line of the run."""
    if not run.forcing:
        run.tracer = sys.gettrace()
    run.forcing = run.forced = True
    if not monitoring:
        trace_from(frame)
        return
    tool = next((tool for tool in TOOLS if monitoring.get_tool(tool) in (None, 'sock-python')), TOOLS[0])
    if monitoring.get_tool(tool) is None:
        monitoring.use_tool_id(tool, 'sock-python')
    events = monitoring.events
    monitoring.register_callback(tool, events.LINE, lambda code, line: force_here(sys._getframe(1)))
    # A loop that fits on one line has no other line event than its first.
    monitoring.register_callback(tool, events.JUMP, lambda code, at, to: force_here(sys._getframe(1)))
    monitoring.set_events(tool, events.LINE | events.JUMP)


def force_here(frame: 'FrameType') -> None:
    """The callback of `sys.monitoring`."""
    if not run.forcing or window.shut or get_ident() != MAIN or frame.f_globals is OURS:
        return
    at = frame
    while at is not None:
        if at.f_code is BOUNDARY:
            raise Forced
        if at.f_code.co_name == '__del__' and run.interrupts < 3:
            return  # swallowed there anyway
        at = at.f_back


def trace_from(frame: 'FrameType | None') -> None:
    """Switch tracing on in every frame of the user's."""
    while frame is not None and frame.f_code is not BOUNDARY:
        if frame.f_globals is not OURS:
            frame.f_trace = force_traced
        frame = frame.f_back
    if frame is not None:
        sys.settrace(force_traced)


def force_traced(frame: 'FrameType', event: str, argument: object) -> object:
    """The trace function."""
    if not run.forcing or window.shut or frame.f_globals is OURS:
        return None
    if event == 'line' or event == 'call':
        raise Forced
    return force_traced


def unforce() -> None:
    """The run has ended: raise no more, and give the user's tracer back."""
    if not run.forcing:
        return
    run.forcing = False
    for tool in TOOLS if monitoring else ():
        if monitoring.get_tool(tool) == 'sock-python':
            monitoring.set_events(tool, 0)
            monitoring.free_tool_id(tool)
    if sys.gettrace() is not run.tracer:  # ours, or the user's that force has hit
        sys.settrace(run.tracer)


def mend_asyncio() -> None:
    """Force cuts through the clean-up of asyncio itself. No loop is running now, no runner handles SIGINT; and the
    loop of our awaits is given up with all its tasks, for one of them may be what swallowed."""
    asyncio = sys.modules.get('asyncio')
    if asyncio is None:
        return
    asyncio._set_running_loop(None)
    sys.set_asyncgen_hooks(None, None)
    runner_handler = getattr(get_handler(_signal.SIGINT), 'func', None)
    if getattr(runner_handler, '__qualname__', '') == 'Runner._on_sigint':
        real_signal(_signal.SIGINT, on_sigint)
    if run.task is not None:
        loop, session.loop, run.task = session.loop, None, None
        loop._thread_id = None  # so that it closes its descriptors when it goes
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False


# ------------------------------------------------------------------------------------------------ in: the messages

inbox = bytearray()  # the beginning of a frame that has not come whole


def drain(frame: 'FrameType | None') -> int:
    """Take all that is on the channel (window shut) → what it demands of the run."""
    demand = 0
    while True:
        try:
            data = channel.receive(RECEIVE_BYTES, _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return demand
        except OSError:
            data = b''
        if not data:
            leave()
        demand = max(demand, feed(data, frame))


def feed(data: bytes, frame: 'FrameType | None') -> int:
    """Take whole frames off `data`, keep the rest → the strongest demand on the run that is on."""
    if inbox:
        inbox.extend(data)
        data = inbox
    at, size, demand = 0, len(data), 0
    while size - at >= 9:
        length, kind, number = HEADER.unpack_from(data, at)
        end = at + 4 + length
        if end > size:
            break
        demand = max(demand, take(kind, number, bytes(data[at + 9 : end]), frame))
        at = end
    if data is inbox:
        del inbox[:at]
    elif at < size:
        inbox.extend(data[at:])
    return demand


def take(kind: int, number: int, payload: bytes, frame: 'FrameType | None') -> int:
    """One message. Handles RUN, RUN_WITH, INTERRUPT, NUDGE, INPUT and REQUEST; others are from a newer server."""
    if kind == RUN or kind == RUN_WITH:
        queue.append((number, payload, kind == RUN))
    elif kind == INTERRUPT:
        demand = FORCED if payload == b'\x02' else ORDINARY
        if number == run.number:
            if number:  # else the server would help with a SIGINT
                emit(frame_of(TAKEN, number, b''))
            return demand if number else 0
        if number > run.last:
            parked[number] = demand
    elif kind == NUDGE and number and number == run.number:
        if run.nudge:
            run.nudge = False
            return NUDGED
        if run.deadline:
            if perf_counter() >= run.deadline:
                return OVERDUE
            again(OVERDUE_MS)
    elif kind == INPUT and number and number == run.number:
        answer = unpack(payload)
        text = answer.get('text')
        run.answer = b'' if text is None else (text if text.endswith('\n') else text + '\n').encode()
    elif kind == REQUEST:
        reply(unpack(payload), frame)
    return 0


def reply(request: dict, frame: 'FrameType | None') -> None:
    """Answer a REQUEST, also between two bytecodes of the user's: no user code may run in here."""
    try:
        answer = REQUESTS[request['op']]
    except KeyError:
        message = {'error': {'code': 'unknown_op', 'message': 'this kernel has no %r' % request.get('op')}}
    else:
        try:
            message = {'reply': answer(request, frame)}
        except Exception as error:
            message = {'error': {'code': 'internal', 'message': '%s: %s' % (type(error).__name__, error)}}
    emit(frame_of(REPLY, 0, pack({'id': request['id'], **message})))


def answer_stack(request: dict, frame: 'FrameType | None') -> dict:
    """Where the user's code is, outermost frame first; where it awaits, down into what it awaits."""
    frames = []
    while frame is not None and frame.f_code is not BOUNDARY:
        frames.insert(0, frame)
        frame = frame.f_back
    awaiting = run.task.get_coro() if run.task is not None else None
    while awaiting is not None:
        inner = getattr(awaiting, 'cr_frame', None) or getattr(awaiting, 'gi_frame', None)
        if inner is not None and inner not in frames:
            frames.append(inner)
        awaiting = getattr(awaiting, 'cr_await', None) or getattr(awaiting, 'gi_yieldfrom', None)
    lines = []
    for at in frames:
        if at.f_globals is not OURS:
            file, line = at.f_code.co_filename, at.f_lineno or at.f_code.co_firstlineno  # None before its first line
            lines.append('  File "%s", line %d, in %s\n' % (file, line, at.f_code.co_name))
            source = source_line(file, line)
            lines.extend(['    %s\n' % source] if source else [])
    return {'stack': ''.join(lines)}


def source_line(file: str, line: int) -> str:
    """A line of source, stripped; empty where it cannot be had. Nothing is imported for it: this may be asked in the
    middle of an import of the user's, of the very module that we would need."""
    known = compiler.sources.get(file)
    if known is not None:
        text, first = known
        lines = text.split('\n')
        return lines[line - first].strip() if 0 <= line - first < len(lines) else ''
    try:
        return sys.modules['linecache'].getline(file, line).strip()
    except Exception:
        return ''


# op → function(request, the user's frame or None when idle) → reply
REQUESTS = {'stack': answer_stack}

# ------------------------------------------------------------------------------------------------------- compiling

AWAITS = 0x80  # inspect.CO_COROUTINE
DEEP_CHARS = 100_000
INDENT_HINTS = ' \t\r\n\f#'


class Compiler:
    """What lasts from snippet to snippet: `__future__` flags, code objects by text, sources for tracebacks."""

    def __init__(self) -> None:
        self.flags = _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.codes = {}  # text → (code, file)
        self.sources = {}  # file → (text, its first line)
        self.source_chars = 0

    def plain(self, text: str, number: int) -> 'CodeType':
        """The hot path: a snippet without options."""
        known = self.codes.get(text)
        if known is not None:
            code, run.file = known
            if run.file not in self.sources:
                self.remember(run.file, text, 1)
            return code
        run.file = file = '<snippet %d>' % number
        code, _ = self.split(text, file, 1, False)
        if len(text) <= CODE_CHARS:
            if len(self.codes) >= CODE_COUNT:
                self.codes.clear()
            self.codes[text] = code, file
        return code

    def split(self, text: str, file: str, line: int, wants_value: bool) -> 'tuple[CodeType, CodeType | None]':
        """→ (code of the whole text, None), or if a value is wanted (all but a last expression, that expression).

        Whatever is wrong with the text is a SyntaxError that has a line.
        """
        self.remember(file, text, line)
        try:
            if len(text) > DEEP_CHARS and sys.version_info < (3, 11):
                survive(compile_text, text, file, line, wants_value, self.flags)
            codes = compile_text(text, file, line, wants_value, self.flags)
        except SyntaxError as error:
            if error.lineno is None and error.filename in (None, file):
                error.filename, error.lineno = file, line + text.count('\n', 0, max(text.find('\0'), 0))
            raise
        except (ValueError, OverflowError, RecursionError, MemoryError) as error:
            raise as_syntax_error(error, text, file, line) from None
        if '__future__' in text:  # lasts, as in the REPL
            self.flags |= codes[0].co_flags & future_flags()
            self.codes.clear()
        return codes

    def remember(self, file: str, text: str, line: int) -> None:
        """Keep the source for tracebacks, the newest SOURCE_COUNT of them."""
        known = self.sources.pop(file, None)
        if known is not None:
            self.source_chars -= len(known[0])
        self.sources[file] = text, line
        self.source_chars += len(text)
        linecache = sys.modules.get('linecache')
        if linecache is not None:
            publish(linecache, file, text, line)
        while len(self.sources) > SOURCE_COUNT or self.source_chars > SOURCE_CHARS and len(self.sources) > 1:
            oldest = next(iter(self.sources))
            self.source_chars -= len(self.sources.pop(oldest)[0])
            if linecache is not None:
                linecache.cache.pop(oldest, None)


compiler = Compiler()


def publish(linecache: 'ModuleType', file: str, text: str, line: int) -> None:
    """Put a source into linecache; a selection of a file is laid over the file's own lines."""
    if '\r' in text:
        text = text.replace('\r\n', '\n').replace('\r', '\n')
    lines = [piece + '\n' for piece in text.split('\n')]
    if file[:1] != '<':
        around = linecache.getlines(file)
        above = around[: line - 1]
        lines = above + ['\n'] * (line - 1 - len(above)) + lines + around[line - 1 + len(lines) :]
    linecache.cache[file] = len(text), None, lines, file


def patch_linecache(module: 'ModuleType') -> None:
    """Sources of the snippets before somebody imported linecache."""
    for file, (text, line) in list(compiler.sources.items()):
        publish(module, file, text, line)


def compile_text(
    text: str, file: str, line: int, wants_value: bool, flags: int
) -> 'tuple[CodeType, CodeType | None]':
    """compile() with the text's lines numbered from `line`, an indented selection taken as it stands."""
    indented = text[:1] in INDENT_HINTS and is_indented(text)
    if not wants_value and not indented:
        return compile('\n' * (line - 1) + text, file, 'exec', flags, True), None
    tree = parse_indented(text, file, line, flags) if indented else parse('\n' * (line - 1) + text, file, flags)
    last = None
    if wants_value and tree.body and type(tree.body[-1]) is _ast.Expr:
        last = _ast.Expression(tree.body.pop().value)
    body = compile(tree, file, 'exec', flags, True)
    if last is None:
        return body, None
    if '__future__' in text:
        flags |= body.co_flags & future_flags()
    return body, compile(last, file, 'eval', flags, True)


def future_flags() -> int:
    future = standard('__future__')
    flags = 0
    for name in future.all_feature_names:
        flags |= getattr(future, name).compiler_flag
    return flags & ~0x10  # nested_scopes shares its bit with CO_NESTED


def parse(source: str, file: str, flags: int) -> 'ast.Module':
    return compile(source, file, 'exec', flags | _ast.PyCF_ONLY_AST, True)


def is_indented(text: str) -> bool:
    """Is the first line of code indented?"""
    for line in text.splitlines():
        bare = line.lstrip(' \t\f')
        if bare and bare[0] != '#':
            return line[0] in ' \t'
    return False


def parse_indented(text: str, file: str, line: int, flags: int) -> 'ast.Module':
    """The selection as the body of an `if`, so that columns and long strings stay what they are."""
    shift = 0 if line > 1 else -1
    try:
        tree = parse('\n' * (line - 2) + 'if 1:\n' + text, file, flags)
    except SyntaxError as error:
        for name in ('lineno', 'end_lineno'):
            if getattr(error, name, None):
                setattr(error, name, getattr(error, name) + shift)
        raise
    block = tree.body[0]
    if len(tree.body) > 1 or block.orelse:
        raise IndentationError('unexpected indent', (file, line, 1, text.partition('\n')[0]))
    tree.body = block.body
    nodes = [tree] if shift else []
    while nodes:
        node = nodes.pop()
        for name in ('lineno', 'end_lineno'):
            if hasattr(node, name):
                setattr(node, name, getattr(node, name) + shift)
        for name in node._fields:
            child = getattr(node, name, None)
            nodes.extend(item for item in (child if type(child) is list else [child]) if hasattr(item, '_fields'))
    return tree


def as_syntax_error(error: Exception, text: str, file: str, line: int) -> SyntaxError:
    """compile() says ValueError of a null byte, RecursionError or MemoryError of deep nesting: without a line."""
    message, at = str(error), 0
    if isinstance(error, UnicodeEncodeError):
        message = 'the source has a lone surrogate: %r' % error.object[error.start]
        at = text.find(error.object[error.start])
    elif '\0' in text:
        at = text.index('\0')
    elif isinstance(error, (RecursionError, MemoryError)):
        message = 'nested too deeply to compile'
    line += text.count('\n', 0, max(at, 0))
    return SyntaxError(message, (file, line, None, None))


def survive(compile_it: 'Callable', *arguments: object) -> None:
    """Before 3.11 a very deep source crashes the compiler: try it in a child first."""
    pid = os.fork()
    if pid == 0:
        try:
            faulthandler.disable()
            compile_it(*arguments)
        except BaseException:
            pass
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        raise RecursionError


# ---------------------------------------------------------------------------------------------------- running a run

namespace = {}  # of the module that stands as `__main__`


def boundary(work: 'Callable[[bytes], bytes]', argument: object) -> 'tuple[bytes, BaseException | None]':
    """Open the window and run what is the user's: nothing that it raises gets past this frame.

    An exception may meet a signal on its way: one more lands in the first `except`, and `act_in` sees to it that
    this is the last.
    """
    try:
        try:
            window.shut = 0
            if window.pending or window.postponed:
                look(sys._getframe())
            result = work(argument)
            window.shut = 1
            return result, None
        except BaseException as error:
            window.shut = 1
            return b'', error
    except BaseException as error:
        window.shut = 1
        return b'', error


BOUNDARY = boundary.__code__


def run_plain(payload: bytes) -> bytes:
    """RUN: the payload is the code."""
    perform(compiler.plain(text_of(payload), run.number))
    if sys.stdout is not streams.stdout or sys.stderr is not streams.stderr:
        flush_streams()
    return b''


def run_with(options: dict) -> bytes:
    """RUN_WITH → the packed fields that `done` gets."""
    run.file = options.get('name') or '<snippet %d>' % run.number
    mode = options.get('value', 'none')
    body, last = compiler.split(options['code'], run.file, options.get('line', 1), mode != 'none')
    perform(body)
    fields = describe_value(perform(last), mode) if last is not None else b''
    flush_streams()
    return fields


def perform(code: 'CodeType') -> object:
    return drive(code) if code.co_flags & AWAITS else eval(code, namespace)


def text_of(payload: bytes) -> str:
    try:
        return str(payload, 'utf-8')
    except UnicodeDecodeError:
        return str(payload, 'utf-8', 'surrogateescape')  # compiling it gives an error with a line


def drive(code: 'CodeType') -> object:
    """Run code that awaits. Tasks that it leaves behind go on when the next such code runs."""
    asyncio = standard('asyncio')
    if session.loop is None or session.loop.is_closed():
        session.loop = asyncio.new_event_loop()
    loop = session.loop
    asyncio.set_event_loop(loop)
    run.task = task = loop.create_task(eval(code, namespace))
    try:
        return loop.run_until_complete(task)
    except asyncio.CancelledError as error:
        if run.interrupts:
            raise KeyboardInterrupt().with_traceback(error.__traceback__) from None
        raise
    except KeyboardInterrupt:
        settle(loop, task)
        raise
    finally:
        if not run.forced:  # else `mend_asyncio` wants it
            run.task = None


def settle(loop: 'AbstractEventLoop', task: 'Task') -> None:
    """The interrupt hit another task: end ours too, or it would go on in the next run."""
    for _ in range(3):
        if task.done() or run.forcing:
            return
        task.cancel()
        try:
            loop.run_until_complete(task)
        except BaseException:
            pass


def begin(number: int, options: dict) -> None:
    """Set the stage for a run."""
    run.begin(number)
    run.last = number
    run.options = options
    RUN_OF.set(number)
    give_builtins()
    if count_threads():
        run.elders = elders()
    if options is NO_OPTIONS:
        return
    if 'argv' in options:
        run.old_argv, sys.argv = sys.argv, list(options['argv'])
    if 'arguments' in options:
        namespace['arguments'] = options['arguments']
    if options.get('stdin', 'none') != 'none':
        set_stdin(options['stdin'])


def undo(options: dict) -> None:
    """What the options changed lasts no longer than their run."""
    if options.get('stdin', 'none') != 'none':
        set_stdin('none')
    if 'arguments' in options and namespace.get('arguments') is options['arguments']:
        del namespace['arguments']
    if run.old_argv is not None:
        sys.argv = run.old_argv


def execute(number: int, payload: bytes, is_plain: bool) -> None:
    """One run, from its message to its `done` (window shut but in the boundary)."""
    started = perf_counter()
    options = NO_OPTIONS if is_plain else unpack(payload)
    begin(number, options)
    early = parked.pop(number, 0)
    if early:
        run.interrupts, run.forced = 1, early == FORCED
        fields, error = b'', KeyboardInterrupt('interrupted before it began')
    elif is_plain:
        fields, error = boundary(run_plain, payload)
    else:
        fields, error = boundary(run_with, options)
    if getpid() != PID:
        leave_child(error)
    if run.forced:
        unforce()
        mend_asyncio()
    status, size = b'\xa2ok', 6
    if error is not None:
        status, size, fields = conclude(error)
    elif fields:
        size = 7
    if options is not NO_OPTIONS:
        undo(options)
    error = None
    finish(number, started, status, size, fields)


DONE_HEAD = b'\xa5event\xa4done\xa3run\xce'


def finish(number: int, started: float, status: bytes, size: int, fields: bytes) -> None:
    """`done` comes last: after every pen is empty and what fds 1 and 2 hold is taken or marked."""
    with LOCK:
        main_pen.flush()
        for pen in pens.values():
            pen.flush()
        pens.clear()
        run.number = 0  # from here on, other threads write for no run
    window.postponed.clear()
    marker = fence()
    head = bytes((0x80 + size,)) + DONE_HEAD + _struct.pack('>I', number) + b'\xa6status' + status
    took = b'\xa2ms' + _struct.pack('>Bd', 0xCB, (perf_counter() - started) * 1e3)
    done = head + took + b'\xa4kept\xc3\xaeoutputComplete\xc3' + fields
    if marker:
        transmit(frame_of(DONE_FENCED, number, bytes((len(marker),)) + marker + done))
    else:
        transmit(frame_of(DONE, number, done))
    run.task = run.answer = None
    run.options, run.elders = NO_OPTIONS, NO_OPTIONS


# ----------------------------------------------------------------------------------------------------------- values

ATOMS = (int, float, bool, type(None))


def describe_value(value: object, mode: str) -> bytes:
    """The packed `value` field of `done`. None has none when only the repr was asked, as at a prompt."""
    if value is None and mode == 'repr':
        return b''
    if value is not None and ('_' not in namespace or namespace['_'] is session.underscore):
        namespace['_'] = session.underscore = value
    fields = {'type': type_name(type(value)), 'repr': bounded_repr(value)}
    if mode == 'data':
        try:
            data = plain(value)
            if len(pack(data)) <= DATA_BYTES:
                fields['data'] = data
        except (ValueError, RecursionError):
            pass
    return b'\xa5value' + pack(fields)


def plain(value: object, depth: int = 0) -> object:
    """`value` as MessagePack can carry it. What it cannot, inside a container, says its type and repr."""
    kind = type(value)
    if kind in ATOMS or kind is str or kind is bytes:
        return value
    if kind is bytearray:
        return bytes(value)
    if kind.__module__ == 'datetime' and kind.__name__ in ('date', 'datetime', 'time'):
        return value.isoformat()
    if depth > 40:
        raise ValueError('nested too deeply')
    if kind is list or kind is tuple:
        return [plain(item, depth + 1) for item in value]
    if kind is dict and all(type(key) is str for key in value):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if depth == 0:
        raise ValueError('no data')
    return {'$type': type_name(kind), '$repr': bounded_repr(value, 1024)}


def bounded_repr(value: object, limit: int = REPR_CHARS) -> str:
    """repr() of at most about `limit` characters, in at most REPR_SECONDS; a broken one says so."""
    kind = type(value)
    is_small, is_builtin = survey(value)
    try:
        if not is_builtin and run.number and get_ident() == MAIN:
            run.deadline = perf_counter() + REPR_SECONDS
            again(OVERDUE_MS)
        text = repr(value) if is_small else brief_repr(value, limit, ())
        run.deadline = 0.0
    except Overdue:
        run.deadline = 0.0
        return '<%s object; its repr() took longer than %g s>' % (type_name(kind), REPR_SECONDS)
    except Exception as error:
        run.deadline = 0.0
        return '<%s object; its repr() raised %s>' % (type_name(kind), type_name(type(error)))
    return shortened(text, limit // 2)


def type_name(kind: type) -> str:
    """The name of a class, which may be of any length."""
    return shortened(kind.__name__, NAME_CHARS)


def shortened(text: str, end: int) -> str:
    """Head and tail of a text that is too long."""
    missing = len(text) - 2 * end
    return text if missing <= 0 else '%s\n… %d characters left out …\n%s' % (text[:end], missing, text[-end:])


def survey(value: object) -> 'tuple[bool, bool]':
    """→ (is repr() of these containers and texts of bearable length?, does it run no code of the user's?)"""
    left, items, is_builtin = REPR_NODES, [value], True
    while items and left > 0:
        item = items.pop()
        kind = type(item)
        left -= 1
        if kind in CONTAINERS:
            if len(item) >= left:
                return False, False
            items.extend(item)
            if kind is dict:
                items.extend(item.values())
        elif kind is str or kind is bytes or kind is bytearray:
            left -= len(item) >> 4
        elif kind not in ATOMS:
            is_builtin = False
    return left > 0, is_builtin


CONTAINERS = {list: '[]', tuple: '()', set: '{}', dict: '{}', frozenset: ('frozenset({', '})')}


def brief_repr(value: object, room: int, path: tuple) -> str:
    """repr() of a big builtin container or text, cut when `room` characters are full."""
    kind = type(value)
    if kind is str or kind is bytes or kind is bytearray:
        more = len(value) - room
        return repr(value[:room]) + ('… %d more' % more if more > 0 else '')
    if kind not in CONTAINERS:
        return repr(value)
    before, after = CONTAINERS[kind]
    if id(value) in path or len(path) > 40:
        return before + '...' + after
    path += (id(value),)
    pieces, count = [], 0
    for item in value:
        if room <= 0:
            pieces.append('… %d more' % (len(value) - count))
            break
        piece = brief_repr(item, room, path)
        if kind is dict:
            piece += ': ' + brief_repr(value[item], room, path)
        pieces.append(piece)
        room -= len(piece) + 2
        count += 1
    return before + ', '.join(pieces) + after


# ------------------------------------------------------------------------------------------------------- exceptions


def conclude(error: BaseException) -> 'tuple[bytes, int, bytes]':
    """→ (packed status, number of fields, packed further fields) of the `done` of a run that raised."""
    kind = type(error)  # not isinstance: a `__class__` of the user's could raise
    if issubclass(kind, SystemExit):
        fields, _ = boundary(exit_code, error)
        return b'\xa4exit', 7, b'\xa4code' + (fields or b'\xc0')
    interrupted = run.interrupts and (
        issubclass(kind, KeyboardInterrupt) or run.cancelling and kind.__name__ == 'CancelledError'
    )
    fields, failure = boundary(describe, error)
    for _ in range(3):
        if failure is None or issubclass(type(failure), KeyboardInterrupt):
            break
        fields, failure = boundary(describe, error)  # a timer of the user's may have hit it
    if failure is not None:  # a broken __str__, or an interrupt in it
        name = type_name(kind)
        text = '<the exception could not be described: %s>' % type_name(type(failure))
        fields = pack({'type': name, 'message': text, 'frames': [], 'traceback': '%s: %s\n' % (name, text)})
    if run.forcing:
        unforce()
    fields = b'\xa9exception' + fields
    by = b'\xa2by' + pack('forced' if run.forced else 'interrupt')
    if interrupted:
        return b'\xabinterrupted', 8, fields + by
    if run.interrupts and isinstance(failure, KeyboardInterrupt):
        return b'\xa5error', 8, fields + by  # it was broken off while it said what it had raised
    return b'\xa5error', 7, fields


def exit_code(error: SystemExit) -> bytes:
    """SystemExit's code, packed: a number, a text or None."""
    code = error.code
    if isinstance(code, int) and -(1 << 63) <= code < 1 << 63:
        return pack(int(code))
    if code is None:
        return pack(None)
    return pack(shortened(code, MESSAGE_CHARS // 2) if type(code) is str else bounded_repr(code))


def describe(error: BaseException) -> bytes:
    """The packed exception map (window open: `__str__` and the like are the user's)."""
    flush_streams()
    chain = chain_of(error)
    for link in chain:
        link.__traceback__ = without_ours(link.__traceback__)
    awaited = first_of_snippet(error.__traceback__)
    if awaited is not None:
        error.__traceback__ = awaited
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    return pack(exception_map(error, CAUSES))


def chain_of(error: BaseException) -> 'list[BaseException]':
    """The exception with all its causes, contexts and members, each once, at most 1000."""
    found, seen = [error], {id(error)}
    for link in found:
        members = getattr(link, 'exceptions', ())
        for other in (link.__cause__, link.__context__, *(members if type(members) is tuple else ())):
            if isinstance(other, BaseException) and id(other) not in seen and len(found) < 1000:
                seen.add(id(other))
                found.append(other)
    return found


def without_ours(traceback: 'TracebackType | None') -> 'TracebackType | None':
    """Take our frames (boundary, handlers, streams) out of a traceback, wherever they are."""
    while traceback is not None and traceback.tb_frame.f_globals is OURS:
        traceback = traceback.tb_next
    at = traceback
    while at is not None:
        following = at.tb_next
        while following is not None and following.tb_frame.f_globals is OURS:
            following = following.tb_next
        if following is not at.tb_next:
            at.tb_next = following
        at = following
    return traceback


def first_of_snippet(traceback: 'TracebackType | None') -> 'TracebackType | None':
    """Past the frames of the asyncio loop that drives a top-level await."""
    while traceback is not None and traceback.tb_frame.f_globals is not namespace:
        traceback = traceback.tb_next
    return traceback


def exception_map(error: BaseException, causes: int) -> dict:
    """See `PythonException` in the protocol."""
    frames = frame_maps(error.__traceback__)
    fields = {'type': type_name(type(error)), 'message': message_of(error)}
    fields.update(place_of(error, frames))
    fields['frames'] = frames
    fields['traceback'] = shortened(traceback_text(error, causes == CAUSES), TRACEBACK_CHARS)
    notes = getattr(error, '__notes__', None)
    if type(notes) is list and notes:
        fields['notes'] = [shortened(str(note), 4096) for note in notes[:100]]
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    if cause is not None and causes:
        fields['cause'] = exception_map(cause, causes - 1)
    return fields


def message_of(error: BaseException) -> str:
    try:
        return shortened(str(error), MESSAGE_CHARS)
    except Exception:
        return '<exception str() failed>'


def place_of(error: BaseException, frames: 'list[dict]') -> dict:
    """Line and column in the snippet: of its innermost frame, or of its syntax error."""
    for frame in reversed(frames):
        if frame['file'] == run.file:
            return {name: frame[name] for name in ('line', 'column') if name in frame}
    if isinstance(error, SyntaxError) and error.filename == run.file and type(error.lineno) is int:
        place = {'line': error.lineno}
        if type(error.offset) is int and error.offset > 0:
            place['column'] = error.offset - 1
        return place
    return {}


def ends_of(traceback: 'TracebackType | None') -> 'tuple[list[TracebackType], list[TracebackType], int]':
    """→ (first, last, how many between are left out)."""
    head, tail, count = [], deque(maxlen=TRACEBACK_FRAMES), 0
    while traceback is not None:
        count += 1
        (head if len(head) < TRACEBACK_FRAMES else tail).append(traceback)
        traceback = traceback.tb_next
    return head, list(tail), count - len(head) - len(tail)


def frame_maps(traceback: 'TracebackType | None') -> 'list[dict]':
    """The frames as the protocol has them, outermost first; of very many the first and the last."""
    head, tail, _ = ends_of(traceback)
    linecache = standard('linecache')
    maps = []
    for at in head + tail:
        code = at.tb_frame.f_code
        fields = {'file': code.co_filename, 'line': at.tb_lineno or 0, 'name': code.co_name}
        linecache.checkcache(code.co_filename)
        source = linecache.getline(code.co_filename, fields['line'], at.tb_frame.f_globals).rstrip('\r\n')
        if source:
            fields['source'] = source
            fields.update(columns_of(code, at.tb_lasti, source))
        maps.append(fields)
    return maps


def columns_of(code: 'CodeType', instruction: int, source: str) -> dict:
    """Columns in characters, where this Python knows them."""
    positions = getattr(code, 'co_positions', None)
    if positions is None or instruction < 0:
        return {}
    line, end_line, column, end_column = next(islice(positions(), instruction // 2, None), (None,) * 4)
    if line is None or column is None:
        return {}
    encoded = source.encode('utf-8', 'replace')
    columns = {'column': len(encoded[:column].decode('utf-8', 'replace'))}
    if end_line == line and end_column is not None:
        columns['endColumn'] = len(encoded[:end_column].decode('utf-8', 'replace'))
    return columns


def traceback_text(error: BaseException, with_chain: bool) -> str:
    """As Python prints it; of an endless one, both ends."""
    traceback = standard('traceback')
    is_long = any(ends_of(link.__traceback__)[2] for link in chain_of(error))
    limit = 1 if is_long else None
    try:
        form = traceback.TracebackException(type(error), error, error.__traceback__, limit=limit)
        if is_long:
            shorten(traceback, form, error, set())
        return ''.join(form.format(chain=with_chain))
    except RecursionError:
        return '%s: %s\n' % (type_name(type(error)), message_of(error))


def shorten(traceback: 'ModuleType', form: 'TracebackException', error: object, seen: set) -> None:
    """Give each part of the form a stack of bounded length."""
    if form is None or not isinstance(error, BaseException) or id(form) in seen:
        return
    seen.add(id(form))
    head, tail, missing = ends_of(error.__traceback__)
    if head:
        form.stack = shortened_stack(traceback, head, tail, missing)
    shorten(traceback, form.__cause__, error.__cause__, seen)
    shorten(traceback, form.__context__, error.__context__, seen)
    for part, member in zip(getattr(form, 'exceptions', None) or (), getattr(error, 'exceptions', ())):
        shorten(traceback, part, member, seen)


def shortened_stack(traceback: 'ModuleType', head: list, tail: list, missing: int) -> 'StackSummary':
    class Shortened(traceback.StackSummary):
        """A StackSummary that says what it leaves out."""

        def format(self, **options: object) -> 'list[str]':
            first = stack_of(traceback, head).format(**options)
            between = ['  … %d frames left out …\n' % missing] if missing else []
            return first + between + stack_of(traceback, tail).format(**options)

    return Shortened(stack_of(traceback, head))


def stack_of(traceback: 'ModuleType', entries: 'list[TracebackType]') -> 'StackSummary':
    """Only a real traceback gives a stack with columns, on every version."""
    chain = None
    for entry in reversed(entries):
        chain = type(entry)(chain, entry.tb_frame, entry.tb_lasti, entry.tb_lineno or 0)
    return traceback.TracebackException(Exception, Exception(), chain).stack


# -------------------------------------------------------------------------------------- the fence, forks, the start

FIONREAD = 0x541B if sys.platform == 'linux' else 0x4004667F
F_SETOWN_EX, F_SETSIG, F_OWNER_TID = 15, 10, 0
NOTHING = bytes(4)


class CStdio:
    """fflush(NULL), once C code that may print is in the process: ctypes, or somebody's extension module.

    There is no way from the standard library to C's stdio but `_ctypes`, and its import costs; so the modules are
    looked through only when their number has changed.
    """

    def __init__(self) -> None:
        self.module_count = 0
        self.address = 0
        self.call = None

    def flush(self) -> None:
        if len(sys.modules) != self.module_count:
            self.module_count = len(sys.modules)
            if not self.address and ('_ctypes' in sys.modules or any(map(is_foreign, list(sys.modules.values())))):
                self.find()
        if self.address:
            self.call(self.address, (None,))

    def find(self) -> None:
        try:
            ctypes = standard('_ctypes')
            self.address = ctypes.dlsym(ctypes.dlopen(None, 2), 'fflush')
            self.call = ctypes.call_function
        except (ImportError, OSError, AttributeError):
            pass
        self.module_count = len(sys.modules)


def is_foreign(module: object) -> bool:
    """An extension module that is not of the standard library."""
    if type(module) is not type(sys):
        return False
    file = module.__dict__.get('__file__')
    return type(file) is str and file.endswith('.so') and '/lib-dynload/' not in file


c_stdio = CStdio()


def fence() -> bytes:
    """Is there something in fds 1 and 2 that the server has not read? Then the marker that ends it, else nothing."""
    c_stdio.flush()
    if channel.own_pipes:
        for fd in channel.pipes:
            if fcntl.ioctl(fd, FIONREAD, NOTHING) != NOTHING:
                break
        else:
            return b''
    marker = os.urandom(8).hex().encode()
    for fd in channel.pipes:
        try:
            write_fully(fd, b'\0F' + marker)
        except OSError:
            pass
    return marker


def before_fork() -> None:
    """What is held of a line would be printed twice."""
    for name in ('stdout', 'stderr'):
        try:
            getattr(streams, name).buffer.flush()
        except (ValueError, OSError):
            pass


def after_fork_in_child() -> None:
    """The child keeps nothing of the kernel's: it writes to fds 1 and 2."""
    global LOCK
    LOCK = RLock()
    outbox.clear()
    pens.clear()
    main_pen.held = b''
    main_pen.busy = channel.sending = False
    channel.socket.close()
    for fd in (channel.lease, *channel.pipes):
        if fd >= 0:
            os.close(fd)
    channel.pipes = ()
    channel.lease = -1


def leave_child(error: 'BaseException | None') -> None:
    """A forked child came to the end of the snippet: it ends as a program does, never as a second kernel."""
    sys.settrace(None)
    if error is None:
        raise SystemExit(0)
    if issubclass(type(error), SystemExit):
        raise error
    error.__traceback__ = without_ours(error.__traceback__)
    sys.excepthook(type(error), error, error.__traceback__)
    raise SystemExit(1)


def leave() -> None:
    """The server hung up: end as a Python program ends, with all exit handlers, but within LEAVE_SECONDS."""
    window.shut = 1
    run.forcing = False
    real_signal(_signal.SIGALRM, _signal.SIG_DFL)
    if real_pthread_sigmask:
        real_pthread_sigmask(_signal.SIG_SETMASK, ())
    _signal.setitimer(_signal.ITIMER_REAL, LEAVE_SECONDS)
    window.shut = 0  # exit handlers are the user's code, their signals too
    window.waiting = True
    for step in (finish_threads, finish_handlers, flush_streams, c_stdio.flush):
        try:
            step()
        except BaseException:
            pass
    os._exit(0)


def finish_threads() -> None:
    if 'threading' in sys.modules:
        sys.modules['threading']._shutdown()


def finish_handlers() -> None:
    standard('atexit')._run_exitfuncs()


def private(fd: int) -> int:
    """A duplicate that is not inherited, out of the way of the user's own descriptors."""
    for least in (PRIVATE_FD, 100, 10):
        try:
            return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)
        except OSError:
            continue
    raise OSError('no descriptor is free')


def move(fd: int) -> int:
    moved = private(fd)
    os.close(fd)
    return moved


def read_fully(fd: int, size: int) -> bytes:
    """Exactly so many bytes; without them there is nothing to do."""
    data = b''
    while len(data) < size:
        piece = os.read(fd, size - len(data))
        if not piece:
            raise SystemExit(1)
        data += piece
    return data


def read_bootstrap() -> dict:
    """The one frame on fd 3, and not a byte more."""
    size = int.from_bytes(read_fully(3, 4), 'big')
    return unpack(read_fully(3, size)[5:])


def open_pipes(start: dict) -> None:
    """FIFOs in the server's private directory become fds 1 and 2; opened read-write, they never break."""
    for fd, key in (1, 'out'), (2, 'err'):
        if start.get(key):
            os.mkfifo(start[key], 0o600)
            fifo = os.open(start[key], os.O_RDWR | os.O_CLOEXEC)
            os.dup2(fifo, fd)
            os.close(fifo)
    channel.own_pipes = bool(start.get('out') and start.get('err'))
    channel.pipes = private(1), private(2)


def open_fault_file(start: dict) -> None:
    """Where faulthandler tells of a crash; nobody else writes there."""
    if start.get('fault'):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        faulthandler.enable(move(os.open(start['fault'], flags, 0o600)))


def take_lease() -> None:
    """When the other end of fd 3 closes, however the server died, Linux kills our process group."""
    fd = channel.lease = move(3)
    group = os.getpgrp()
    fcntl.fcntl(fd, fcntl.F_SETOWN, -group if group == PID else PID)
    fcntl.fcntl(fd, F_SETSIG, _signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    poller = select.poll()
    poller.register(fd, select.POLLIN | select.POLLHUP)
    if poller.poll(0):
        os._exit(1)


def dial(path: str) -> None:
    """Connect home, and have SIGURG sent to this very thread whenever something comes."""
    first = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    first.connect(path)
    fd = private(first.fileno())
    first.close()
    channel.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd)
    channel.receive, channel.send = channel.socket.recv, channel.socket.send
    real_signal(SIGNAL, on_signal)
    if sys.platform == 'linux':
        fcntl.fcntl(fd, F_SETOWN_EX, _struct.pack('ii', F_OWNER_TID, get_native_id()))
        fcntl.fcntl(fd, F_SETSIG, SIGNAL)
    else:
        fcntl.fcntl(fd, fcntl.F_SETOWN, PID)
        real_signal(_signal.SIGIO, on_signal)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


def reset_signals() -> None:
    """Nothing inherited: what is not Python's own choice to ignore gets its default, and nothing is blocked."""
    for number in range(1, 32):
        python_ignores = (_signal.SIGPIPE, getattr(_signal, 'SIGXFSZ', 0))
        if number not in python_ignores and real_getsignal(number) == _signal.SIG_IGN:
            real_signal(number, _signal.SIG_DFL)
    if real_pthread_sigmask:
        real_pthread_sigmask(_signal.SIG_SETMASK, ())
    real_signal(_signal.SIGINT, on_sigint)


def prepare_user_side() -> None:
    """What the user's code finds: a `__main__` of its own, our streams and builtins, no pagers, no prompts."""
    global namespace
    module = type(sys)('__main__')
    namespace = vars(module)
    namespace.update(__builtins__=builtins, __loader__=getattr(sys.modules['__main__'], '__loader__', None))
    if sys.version_info < (3, 14):
        namespace['__annotations__'] = {}
    sys.modules['__main__'] = module
    sys.argv = ['']
    for name, text in ('PAGER', 'cat'), ('GIT_PAGER', 'cat'), ('GIT_TERMINAL_PROMPT', '0'), ('PIP_NO_INPUT', '1'):
        os.environ.setdefault(name, text)
    install_streams()
    install_signal_functions()
    sys.unraisablehook = on_unraisable
    os.register_at_fork(before=before_fork, after_in_child=after_fork_in_child)
    PATCHES.update(linecache=patch_linecache, getpass=patch_getpass)
    for name, patch in PATCHES.items():
        if name in sys.modules:
            patch(sys.modules[name])
    FINDER.resident = True
    sys.meta_path.insert(0, FINDER)


def hello(start: dict) -> bytes:
    """The frame that says who we are."""
    try:
        cwd = os.getcwd()
    except OSError:
        cwd = ''
    name = sys.implementation.name
    fields = {
        'secret': start['secret'],
        'pid': PID,
        'python': sys.version.split()[0],
        'implementation': 'CPython' if name == 'cpython' else name,
        'executable': sys.executable or '',
        'cwd': cwd,
    }
    return frame_of(HELLO, 0, pack(fields))


def tell_names() -> None:
    """Tell which names came and went, so that a death can say what it took. A change is seen by the number of names:
    looking at each of them after every run would cost more than it is worth."""
    session.size = len(namespace)
    names = {name for name in list(namespace) if type(name) is str and name[:1] != '_' and len(name) <= NAME_CHARS}
    came, went = names - session.names, session.names - names
    session.names = names
    if came or went:
        transmit(frame_of(NAMES, 0, pack({'came': sorted(came)[:NAME_COUNT], 'went': sorted(went)[:NAME_COUNT]})))


def serve() -> None:
    """Wait, run, answer, for ever; leaves when the server hangs up."""
    while True:
        while queue:
            execute(*queue.popleft())
            if len(namespace) != session.size:
                tell_names()
        data = channel.receive(RECEIVE_BYTES)
        if not data:
            leave()
        if len(data) == RECEIVE_BYTES:
            window.pending = 1  # the rest was there already and sends no signal
        feed(data, None)


def main() -> None:
    """Handles the bootstrap frame on fd 3, says HELLO, serves."""
    start = read_bootstrap()
    try:
        os.setsid()
    except OSError:
        pass
    reset_signals()
    open_pipes(start)
    open_fault_file(start)
    prepare_user_side()
    dial(start['socket'])
    if start.get('lease') and sys.platform == 'linux':
        take_lease()
    else:
        os.close(3)
    transmit(hello(start))
    serve()
