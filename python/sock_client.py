#!/usr/bin/env python3
"""Client of a sock-python session: one file, standard library only, Python 3.8 or later.

    from sock_client import Action, control, run_snippet, stream

    output, exception = run_snippet("session.sock", "get(6 * 7)")
    status = control("session.sock", Action.STATUS)
    for event in stream("session.sock", "for i in range(3): print(i)"):
        print(event)

An address is a path, ``host:port`` or a tuple ``(host, port)``. Without a token ``run_snippet`` and ``control``
speak the dialect of the original sock_python, which an original server understands too; with a token they speak
the native one, over which ``stream`` gives every event. ``read_session`` finds both in a session file.

    python3 sock_client.py [ADDRESS] [-f FILE] < snippet.py

prints what the snippet hands to ``get()``, its traceback on stderr, and ends with 10 if it raised.
"""

import argparse
import base64
import contextlib
import enum
import hashlib
import hmac
import ipaddress
import json
import math
import os
import re
import secrets
import signal
import socket
import stat
import struct
import sys
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

__all__ = ["Action", "Session", "SockPythonError", "control", "read_session", "run_snippet", "stream"]

PROTOCOL_VERSION = 1
SESSION_FILE = ".sock_python.json"
SESSION_VARIABLE = "SOCK_PYTHON_SESSION"

AddressLike = Union[str, Tuple[str, int]]

_MAX_FRAME_BYTES = 268435456
_MAX_SESSION_FILE_BYTES = 65536
_SOCKET_PATH_BYTES = 107
_EXACT_INT = 2**53

# Exit statuses of the command line, by error code and by the `status` of a run that did not end by itself.
_EXIT_BY_CODE = {
    "bad_request": 1,
    "too_large": 1,
    "unknown_op": 1,
    "unauthorized": 4,
    "overloaded": 15,
    "not_found": 1,
    "kernel_lost": 14,
    "kernel_failed_to_start": 20,
    "shutting_down": 3,
    "unsupported_version": 1,
    "bad_address": 2,
    "not_loopback": 2,
    "address_in_use": 1,
    "untrusted": 1,
    "no_server": 3,
    "connection_lost": 3,
    "internal": 20,
}
_EXIT_BY_STATUS = {"ok": 0, "error": 10, "interrupted": 11, "timeout": 13, "lost": 14, "cancelled": 15}


class Action(enum.Enum):
    """What ``control`` can ask of a server. INTERRUPT is unknown to the original sock_python."""

    STOP = "stop"
    RESTART = "restart"
    STATUS = "status"
    INTERRUPT = "interrupt"


class SockPythonError(Exception):
    """The one error of this module; ``code`` is a word of the protocol's table of error codes."""

    def __init__(self, code: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class Session(NamedTuple):
    """What a session file says: where the server is, its token, and whether it is an original sock_python."""

    address: str
    token: Optional[str]
    classic: bool


# ---------------------------------------------------------------------------------------------- public functions


def run_snippet(
    address: AddressLike,
    code: str,
    token: Optional[str] = None,
    classic: Optional[bool] = None,
    connect_timeout_s: float = 10.0,
) -> Tuple[str, str]:
    """Run ``code``; return what it handed to ``get()``, concatenated, and its traceback (empty if none).

    The same text comes back in either dialect. ``classic`` is true without a token, false with one, unless said.
    Raises SockPythonError when there is no answer; an exception of the snippet is an answer.
    """
    if classic if classic is not None else token is None:
        reply = _classic_exchange(address, {"snippet": code}, connect_timeout_s)
        return _text_of(reply, "captured"), _text_of(reply, "exception")
    texts: List[str] = []
    done: Dict[str, Any] = {}
    for event in stream(address, code, token=token, connect_timeout_s=connect_timeout_s):
        if event["event"] == "get":
            texts.append(event["text"])
        elif event["event"] == "done":
            done = event
    return "".join(texts), _classic_exception(done)


def control(
    address: AddressLike,
    action: Action,
    token: Optional[str] = None,
    classic: Optional[bool] = None,
    connect_timeout_s: float = 10.0,
    **options: Any,
) -> Dict[str, Any]:
    """Stop, restart, interrupt or ask the status of the server; return its answer as a dictionary.

    Options (native only): ``drain``, ``grace_ms``, ``run``, ``kill``. INTERRUPT and options need the native dialect.
    """
    action = Action(action)
    if classic is None:
        classic = token is None and action is not Action.INTERRUPT and not options
    if not classic:
        fields = _fields(options, {"drain": "drain", "grace_ms": "graceMs", "run": "run", "kill": "kill"})
        with _Connection(address, token, connect_timeout_s) as connection:
            return connection.request({"op": action.value, **fields})
    if action is Action.INTERRUPT or options:
        raise SockPythonError("bad_request", "the sock_python dialect knows stop, restart and status, without options")
    response = _text_of(_classic_exchange(address, {"control": action.value}, connect_timeout_s), "response")
    answer = _parse(response) if response else {}
    if not isinstance(answer, dict):
        raise SockPythonError("bad_request", "the server's answer to %s is not an object" % action.value)
    return answer


def stream(
    address: AddressLike, code: str, token: Optional[str] = None, connect_timeout_s: float = 10.0, **options: Any
) -> Iterator[Dict[str, Any]]:
    """Run ``code`` and yield its native events as they come; the last one is ``done``.

    Options: name, line, value, arguments, argv, timeout_ms, on_timeout, stdin, key, quiet, on_disconnect (see the
    protocol's ``run``). Ending the iteration early closes the connection and leaves the run alone.
    """
    fields = _fields(options, _RUN_OPTIONS)
    with _Connection(address, token, connect_timeout_s) as connection:
        yield from connection.events({"op": "run", "code": code, **fields})


def read_session(path: Optional[str] = None) -> Session:
    """Read a session file (default: ``$SOCK_PYTHON_SESSION``, else ``.sock_python.json`` here) if it can be trusted.

    Trusted is a regular file of the caller's own that nobody else can write, naming a UNIX socket of the caller's or
    root's, or a loopback port. Raises SockPythonError ``untrusted``, or ``no_server`` if there is no such file or
    its server's socket is gone.
    """
    path = path or os.environ.get(SESSION_VARIABLE) or SESSION_FILE
    content = _parse(_read_own_file(path), "untrusted", "session file %s" % path)
    address = content.get("address") if isinstance(content, dict) else None
    token = content.get("token") if isinstance(content, dict) else None
    if not isinstance(address, str) or not isinstance(token, (str, type(None))):
        raise SockPythonError("untrusted", "session file %s does not hold an address" % path)
    classic = "protocol" not in content
    _check_socket(address, path, classic)
    return Session(address, token, classic)


# ---------------------------------------------------------------------------------------------- session files


def _read_own_file(path: str) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        fd = os.open(path, flags)
    except FileNotFoundError as error:
        raise SockPythonError("no_server", "there is no session file %s" % path) from error
    except OSError as error:
        raise SockPythonError("untrusted", "session file %s: %s" % (path, error.strerror)) from error
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise SockPythonError("untrusted", "session file %s is not a regular file" % path)
        if hasattr(os, "geteuid") and info.st_uid != os.geteuid():
            raise SockPythonError("untrusted", "session file %s belongs to another user" % path)
        if os.name == "posix" and info.st_mode & 0o022:
            raise SockPythonError("untrusted", "session file %s can be written by others" % path)
        content = os.read(fd, _MAX_SESSION_FILE_BYTES + 1)
    finally:
        os.close(fd)
    if len(content) > _MAX_SESSION_FILE_BYTES:
        raise SockPythonError("untrusted", "session file %s is too large to be one" % path)
    return content


def _check_socket(address: str, path: str, classic: bool) -> None:
    parsed = _parse_address(address)
    if isinstance(parsed, tuple):
        _check_port(parsed, path, classic)
        return
    try:
        info = os.stat(parsed)
    except OSError as error:
        message = "session file %s is stale: its socket %s is not there (%s)" % (path, parsed, error.strerror)
        raise SockPythonError("no_server", message) from error
    if not stat.S_ISSOCK(info.st_mode):
        raise SockPythonError("untrusted", "session file %s names %s, which is not a socket" % (path, parsed))
    if hasattr(os, "geteuid") and info.st_uid not in (os.geteuid(), 0):
        raise SockPythonError("untrusted", "session file %s names %s, a socket of another user" % (path, parsed))


def _check_port(parsed: Tuple[str, int], path: str, classic: bool) -> None:
    host, port = parsed
    host = _LOOPBACK_FOR.get(host, host) if classic else host
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise SockPythonError("untrusted", "session file %s names %s, which is no loopback address" % (path, host))
    for uid in _listener_uids(port):
        if uid not in (os.geteuid(), 0):
            message = "session file %s names port %d, on which user %d listens, not you" % (path, port, uid)
            raise SockPythonError("untrusted", message)


def _listener_uids(port: int) -> List[int]:
    """Who listens on a TCP port of this machine, as far as the system tells (on Linux it does)."""
    uids = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="latin-1") as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
        # Columns: number, local address, remote address, state (0A is LISTEN), queues, timer, retransmits, uid.
        uids += [int(row[7]) for row in rows if row[3] == "0A" and row[1].endswith(":%04X" % port)]
    return uids


# ---------------------------------------------------------------------------------------------- addresses

# An original server told to listen everywhere writes that as its address; nobody can dial it as such.
_LOOPBACK_FOR = {"0.0.0.0": "127.0.0.1", "::": "::1"}



def _parse_address(address: AddressLike) -> Union[str, Tuple[str, int]]:
    """A path as text, or a host and a port as a tuple."""
    if isinstance(address, tuple):
        host, port = address
        return _tcp(str(host), port, "%s:%s" % (host, port))
    text = os.fspath(address)
    if text.startswith("unix:"):
        return _path(text[len("unix:") :], text)
    forced = text.startswith("tcp:")
    match = re.match(r"([^/]*):([0-9]+)\Z", text[len("tcp:") :] if forced else text)
    if match and ":" in match.group(1) and not re.match(r"\[[0-9A-Fa-f:.]+\]\Z", match.group(1)):
        raise SockPythonError("bad_address", "%s: an IPv6 host is written in brackets, as in [::1]:9887" % text)
    if match:
        return _tcp(match.group(1).strip("[]"), int(match.group(2)), text)
    if forced:
        raise SockPythonError("bad_address", "%r is not an address: TCP is written host:port" % text)
    return _path(text, text)


def _path(path: str, text: str) -> str:
    if not path or "\0" in path:
        raise SockPythonError("bad_address", "%r is not an address: give a path or host:port" % text)
    return path


def _tcp(host: str, port: int, text: str) -> Tuple[str, int]:
    if not 0 < port < 65536:
        raise SockPythonError("bad_address", "%s: a port is a number from 1 to 65535" % text)
    return ("127.0.0.1" if host.lower() in ("", "localhost") else host), port


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError:
            return False
        return bool(found) and all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


def _dial(address: AddressLike, timeout_s: float) -> socket.socket:
    parsed = _parse_address(address)
    try:
        if isinstance(parsed, tuple):
            if not _is_loopback(parsed[0]):
                message = "%s is not on this machine; reach a session elsewhere through ssh -L" % parsed[0]
                raise SockPythonError("not_loopback", message)
            connected = socket.create_connection(parsed, timeout_s)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
        if len(os.fsencode(parsed)) > _SOCKET_PATH_BYTES:
            message = "%s: a socket's path has at most %d bytes" % (parsed, _SOCKET_PATH_BYTES)
            raise SockPythonError("bad_address", message)
        return _dial_unix(parsed, timeout_s)
    except OSError as error:
        raise SockPythonError("no_server", "nothing answers at %s: %s" % (_shown(parsed), error)) from error


def _dial_unix(path: str, timeout_s: float) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(timeout_s)
        connected.connect(path)
    except BaseException:
        connected.close()
        raise
    return connected


def _shown(parsed: Union[str, Tuple[str, int]]) -> str:
    return "%s:%d" % parsed if isinstance(parsed, tuple) else parsed


# ---------------------------------------------------------------------------------------------- connections


class _Wire:
    """Frames of JSON over one socket: uint32 big-endian length, then the payload."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._reader = connected.makefile("rb")

    def send(self, message: Dict[str, Any]) -> None:
        payload = json.dumps(_tagged(message), ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
        try:
            self.socket.sendall(struct.pack(">I", len(payload)) + payload)
        except OSError as error:
            raise SockPythonError("connection_lost", "the connection ended while sending: %s" % error) from error

    def receive(self) -> Dict[str, Any]:
        (size,) = struct.unpack(">I", self._exactly(4))
        if size > _MAX_FRAME_BYTES:
            raise SockPythonError("too_large", "what answers there does not speak this protocol")
        message = _parse(self._exactly(size))
        if not isinstance(message, dict):
            raise SockPythonError("bad_request", "the server sent something that is not a message")
        return message

    def close(self) -> None:
        self._reader.close()
        self.socket.close()

    def _exactly(self, count: int) -> bytes:
        try:
            found = self._reader.read(count)
        except OSError as error:
            raise SockPythonError("connection_lost", "no answer: %s" % error) from error
        if len(found) < count:
            raise SockPythonError("connection_lost", "the connection ended before the answer came")
        return found


class _Connection:
    """One native connection, authorized; ``with`` closes it."""

    def __init__(self, address: AddressLike, token: Optional[str], timeout_s: float) -> None:
        self._id = 0
        connected = _dial(address, timeout_s)
        self._wire = _Wire(connected)
        try:
            self._authorize(token, isinstance(_parse_address(address), tuple))
            connected.settimeout(None)
        except BaseException:
            self._wire.close()
            raise

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_: Any) -> None:
        self._wire.close()

    def request(self, message: Dict[str, Any]) -> Dict[str, Any]:
        """Send one request and return its reply; events that come before it are not ours."""
        self._id += 1
        self._wire.send({**message, "id": self._id})
        while True:
            answer = self._wire.receive()
            if "event" not in answer:
                return self._reply_of(answer)

    def events(self, message: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
        """Send a ``run`` and yield its events up to ``done``."""
        self._id += 1
        self._wire.send({**message, "id": self._id})
        while True:
            event = self._wire.receive()
            if "event" not in event:
                self._reply_of(event)
                continue
            if event.pop("id", None) != self._id:
                continue
            yield event
            if event["event"] == "done":
                return

    def _authorize(self, token: Optional[str], is_tcp: bool) -> None:
        if token is None and not is_tcp:
            return
        hello = {"op": "hello", "protocol": PROTOCOL_VERSION, "client": {"name": "sock_client.py", "version": "0.1.0"}}
        if token is not None and is_tcp:
            # A port can be anybody's: the server shows that it knows the token before it is told to it.
            nonce = secrets.token_hex(16)
            proof = self.request({**hello, "nonce": nonce}).get("proof")
            expected = hmac.new(token.encode(), nonce.encode(), hashlib.sha256).hexdigest()
            if not isinstance(proof, str) or not hmac.compare_digest(proof.encode(), expected.encode()):
                message = "what answers there could not prove that it is the session's server; nothing was sent"
                raise SockPythonError("unauthorized", message)
        self.request(hello if token is None else {**hello, "token": token})

    @staticmethod
    def _reply_of(answer: Dict[str, Any]) -> Dict[str, Any]:
        error = answer.get("error")
        if isinstance(error, dict):
            code = error.get("code")
            known = code if code in _EXIT_BY_CODE else "internal"
            raise SockPythonError(known, str(error.get("message")), error.get("details"))
        reply = answer.get("reply")
        return reply if isinstance(reply, dict) else {}


def _classic_exchange(address: AddressLike, message: Dict[str, Any], timeout_s: float) -> Dict[str, Any]:
    """One connection, one request, one reply: all that an original server knows. Nothing else is ever sent."""
    parsed = _parse_address(address)
    if isinstance(parsed, tuple) and parsed[0] in _LOOPBACK_FOR:
        host = _LOOPBACK_FOR[parsed[0]]
        print("sock_client: %s is every interface of this machine; %s is dialled" % (parsed[0], host), file=sys.stderr)
        parsed = (host, parsed[1])
    wire = _Wire(_dial(parsed, timeout_s))
    with contextlib.closing(wire):
        wire.socket.settimeout(None)
        wire.send(message)
        return wire.receive()


def _text_of(reply: Dict[str, Any], field: str) -> str:
    text = reply.get(field)
    if not isinstance(text, str):
        raise SockPythonError("bad_request", "the server's answer has no text %r" % field)
    return text


# ---------------------------------------------------------------------------------------------- messages

_RUN_OPTIONS = {
    "name": "name",
    "line": "line",
    "value": "value",
    "arguments": "arguments",
    "argv": "argv",
    "timeout_ms": "timeoutMs",
    "on_timeout": "onTimeout",
    "stdin": "stdin",
    "key": "key",
    "quiet": "quiet",
    "on_disconnect": "onDisconnect",
}


def _fields(options: Dict[str, Any], table: Dict[str, str]) -> Dict[str, Any]:
    for name in options:
        if name not in table:
            raise TypeError("there is no option %r; there are %s" % (name, ", ".join(sorted(table))))
    return {table[name]: value for name, value in options.items()}


_TAGS = ("$bytes", "$float", "$int", "$object")


def _tagged(value: Any) -> Any:
    """What JSON cannot carry, in the protocol's tagged forms; an object that looks like one goes within $object."""
    if isinstance(value, dict):
        copy = {_key(key): _tagged(item) for key, item in value.items()}
        return {"$object": copy} if len(copy) == 1 and next(iter(copy)) in _TAGS else copy
    if isinstance(value, (list, tuple)):
        return [_tagged(item) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, float) and value == 0 and math.copysign(1, value) < 0:
        return {"$float": "-0"}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT_INT:
        return {"$int": str(value)}
    return value


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("keys of a message are text, not %s" % type(key).__name__)
    return key


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, content),) = value.items()
        if tag == "$object" and isinstance(content, dict):
            return {key: _untagged(item) for key, item in content.items()}
        if tag in _FROM_TAG and isinstance(content, str):
            return _FROM_TAG[tag](content)
    return {key: _untagged(item) for key, item in value.items()}


_FROM_TAG: Dict[str, Callable[[str], Any]] = {
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$float": float,
    "$int": int,
}


def _parse(text: Union[str, bytes], code: str = "bad_request", what: str = "the server's message") -> Any:
    """One JSON value; tags are looked for only where there can be any."""
    try:
        value = json.loads(text)
        return _untagged(value) if isinstance(text, str) or b'"$' in text or b"\\u0024" in text else value
    except (ValueError, TypeError, RecursionError) as error:
        raise SockPythonError(code, "%s is not JSON as it should be: %s" % (what, error)) from error


def _classic_exception(done: Dict[str, Any]) -> str:
    """The end of a run in the form of the original sock_python: empty, a traceback, or one line."""
    status, exception, reason = done.get("status"), done.get("exception"), done.get("reason") or {}
    if status == "ok":
        return ""
    if status == "error":
        return _classic_traceback(exception) if exception else "Exception: "
    if status == "exit":
        return "SystemExit: %s" % ("" if done.get("code") is None else done["code"])
    if status == "interrupted":
        return "KeyboardInterrupt: "
    message = reason.get("message", "")
    if status == "lost":
        cause = reason.get("signal")
        if cause and not message.startswith("signal "):
            message = "signal %s: %s" % (cause, message)
        return "KernelLost: " + message
    return "%s: %s" % (str(status).capitalize(), message)


def _classic_traceback(exception: Dict[str, Any]) -> str:
    name, message, frames = exception["type"].rpartition(".")[2], exception["message"], exception["frames"]
    if not frames:
        message = _SNIPPET_PLACE.sub(r"(Snippet, line \1)", message)
    return "\n".join([_classic_frame(frame) for frame in frames] + ["%s: %s" % (name, message)])


def _classic_frame(frame: Dict[str, Any]) -> str:
    is_snippet = _SNIPPET_FILE.match(frame["file"]) is not None
    place = "Snippet" if is_snippet else "File %s" % frame["file"]
    source = frame.get("source") or ""
    shown = source.rstrip() if is_snippet else source.strip()
    entry = "%s, line %d, in %s:\n    %s" % (place, frame["line"], frame["name"], shown)
    column, end = frame.get("column"), frame.get("endColumn")
    if not column or end is None or end <= column:
        return entry
    # The original counts from the line as it stands in the file, although it shows a file's line without indent.
    return "%s\n    %s%s" % (entry, " " * column, "^" * (end - column))


_SNIPPET_FILE = re.compile(r"<snippet [0-9]+>\Z")
_SNIPPET_PLACE = re.compile(r"\(<snippet [0-9]+>, line ([0-9]+)\)\Z")


# ---------------------------------------------------------------------------------------------- command line


def _main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="sock_client.py", description="Run the snippet on standard input in a sock-python session."
    )
    parser.add_argument("address", nargs="?", metavar="ADDRESS", help="path or host:port of the server")
    parser.add_argument("-f", "--session", metavar="FILE", help="session file (default: %s)" % SESSION_FILE)
    parser.add_argument("-p", "--printed", action="store_true", help="show what the snippet prints, too")
    parser.add_argument("--classic", action="store_true", help="the server is an original sock_python")
    chosen = parser.parse_args(arguments)
    try:
        session = _chosen_session(chosen.address, chosen.session, chosen.classic)
        if sys.stdin.isatty():
            print("Type a snippet, then Ctrl+D on a line of its own to run it.", file=sys.stderr)
        code = sys.stdin.buffer.read().decode("utf-8")
        return _run_classic(session, code) if session.classic else _run_native(session, code, chosen.printed)
    except UnicodeDecodeError as error:
        print("sock_client: the snippet is not UTF-8: %s" % error, file=sys.stderr)
        return 1
    except SockPythonError as error:
        print("sock_client: %s" % error, file=sys.stderr)
        return _EXIT_BY_CODE[error.code]
    except BrokenPipeError:
        # The reader of our output left. Point stdout elsewhere, or the interpreter complains while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130


def _chosen_session(address: Optional[str], path: Optional[str], classic: bool) -> Session:
    if address is not None and path is None:
        return Session(address, None, classic)
    session = read_session(path)
    return Session(address or session.address, session.token, classic or session.classic)


def _run_classic(session: Session, code: str) -> int:
    output, exception = run_snippet(session.address, code, classic=True)
    printer = _Printer()
    printer.write(output)
    printer.end()
    if exception:
        print(exception, file=sys.stderr)
    return 10 if exception else 0


def _run_native(session: Session, code: str, show_printed: bool) -> int:
    printer, run, previous = _Printer(), 0, ""
    with _interrupting(session, lambda: run):
        for event in stream(session.address, code, token=session.token):
            kind, run = event["event"], event["run"]
            if kind == "get":
                text = event["text"]
                printer.write((" " if previous == "get" and printer.needs_space(text) else "") + text)
            elif kind == "stdout" and show_printed:
                printer.write(("\n" if previous == "get" and printer.is_open() else "") + _as_text(event["text"]))
            elif kind == "stderr" and show_printed:
                print(_as_text(event["text"]), end="", file=sys.stderr, flush=True)
            elif kind == "done":
                printer.end()
                return _tell_end(event)
            if kind in ("get", "stdout") and (kind == "get" or show_printed):
                previous = kind
    return 3


class _Printer:
    """Standard output, with the last character in mind: it decides on seams and on the final newline."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> None:
        if text:
            sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
            sys.stdout.buffer.flush()
            self._last = text[-1]

    def needs_space(self, following: str) -> bool:
        return bool(self._last and following) and not self._last.isspace() and not following[0].isspace()

    def is_open(self) -> bool:
        return self._last not in ("", "\n")

    def end(self) -> None:
        if self.is_open() and sys.stdout.isatty():
            self.write("\n")


def _as_text(text: Union[str, bytes]) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "backslashreplace")


def _tell_end(done: Dict[str, Any]) -> int:
    status, exception, reason = done["status"], done.get("exception"), done.get("reason")
    if exception and status != "exit":
        print(exception["traceback"].rstrip("\n"), file=sys.stderr)
    if reason:
        print("sock_client: %s" % reason.get("message"), file=sys.stderr)
    if not done.get("outputComplete", True):
        print("sock_client: some output may be missing", file=sys.stderr)
    if status != "exit":
        return _EXIT_BY_STATUS.get(status, 1)
    code = done.get("code")
    if isinstance(code, str):
        print(code, file=sys.stderr)
        return 1
    return (code or 0) & 255


@contextlib.contextmanager
def _interrupting(session: Session, run_of: Any) -> Iterator[None]:
    """Ctrl+C interrupts the run and waits for the truth; a second one leaves the run behind."""
    asked: List[int] = []

    def on_interrupt(_signal: int, _frame: Any) -> None:
        run = run_of()
        if asked or not run:
            print("sock_client: run %s goes on" % (run or "was asked for and"), file=sys.stderr)
            os._exit(12)
        asked.append(run)
        try:
            control(session.address, Action.INTERRUPT, token=session.token, run=run, grace_ms=100)
        except SockPythonError as error:
            print("sock_client: %s" % error, file=sys.stderr)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
