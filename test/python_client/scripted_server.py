"""A server in a thread that says what a test scripts, in frames of JSON on a real socket."""

import json
import os
import socket
import struct
import threading
from typing import Any, Callable, Dict, List


class Peer:
    """One connection as the script sees it."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.reader = connected.makefile("rb")

    def send(self, message: Any) -> None:
        payload = json.dumps(message).encode()
        self.socket.sendall(struct.pack(">I", len(payload)) + payload)

    def receive(self) -> Any:
        header = self.reader.read(4)
        if len(header) < 4:
            return None
        return json.loads(self.reader.read(struct.unpack(">I", header)[0]))

    def close(self) -> None:
        self.reader.close()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


Script = Callable[[Dict[str, Any], Peer], None]


class ScriptedServer:
    """Listens at a path, or on a free loopback port where none is given; `with` ends it."""

    def __init__(self, script: Script, path: str = "") -> None:
        self.received: List[Dict[str, Any]] = []
        self.connection_count = 0
        self._script = script
        self._path = path
        self._peers: List[Peer] = []
        self._listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self._listener.bind(path if path else ("127.0.0.1", 0))
        self._listener.listen(16)
        self.address = path or "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> "ScriptedServer":
        return self

    def __exit__(self, *_: Any) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for peer in self._peers:
            try:
                peer.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads[1:]:
            thread.join()
        if self._path:
            os.unlink(self._path)

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            self.connection_count += 1
            peer = Peer(connected)
            self._peers.append(peer)
            thread = threading.Thread(target=self._serve, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        try:
            while True:
                message = peer.receive()
                if message is None:
                    return
                self.received.append(message)
                self._script(message, peer)
        except (OSError, ValueError):
            pass
        finally:
            peer.close()


def done(**fields: Any) -> Dict[str, Any]:
    """A `done` event of a run that went well, but for `fields`."""
    return {"event": "done", "status": "ok", "ms": 1, "kept": True, "outputComplete": True, **fields}


def answering(*events: Dict[str, Any]) -> Script:
    """A script that greets, and gives every run these events."""

    def script(message: Dict[str, Any], peer: Peer) -> None:
        if message.get("op") == "hello":
            peer.send({"id": message["id"], "reply": {"protocol": 1, "server": {"name": "scripted", "version": "0"}}})
        elif message.get("op") == "run":
            for event in events:
                peer.send({"id": message["id"], "run": 5, **event})

    return script
