"""The Python client against scripted servers: both dialects, its files, its errors, its command line."""

import contextlib
import hashlib
import hmac
import io
import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from typing import Any, Dict, Optional

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CLIENT = os.path.join(ROOT, "python", "sock_client.py")
sys.path[:0] = [os.path.dirname(CLIENT), HERE]

import sock_client  # noqa: E402
from scripted_server import Peer, ScriptedServer, answering, done  # noqa: E402
from sock_client import Action, SockPythonError, control, read_session, run_snippet, stream  # noqa: E402

TRACEBACK = "Snippet, line 1, in <module>:\n    1/0\nZeroDivisionError: division by zero"


class PlaceTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def fails_with(self, code: str) -> "contextlib.AbstractContextManager[Any]":
        test = self

        @contextlib.contextmanager
        def expecting() -> Any:
            with test.assertRaises(SockPythonError) as caught:
                yield caught
            test.assertEqual(caught.exception.code, code, caught.exception)

        return expecting()


def original(reply: Dict[str, Any]) -> Any:
    def script(_message: Dict[str, Any], peer: Peer) -> None:
        peer.send(reply)
        peer.socket.shutdown(socket.SHUT_WR)

    return script


class ClassicDialect(PlaceTest):
    def test_run_snippet_sends_one_message_and_gives_output_and_exception(self) -> None:
        script = original({"captured": "heyho\n", "exception": TRACEBACK})
        with ScriptedServer(script, self.path("s")) as server:
            self.assertEqual(run_snippet(server.address, "get('é')"), ("heyho\n", TRACEBACK))
            self.assertEqual(server.received, [{"snippet": "get('é')"}])
            self.assertEqual(server.connection_count, 1)

    def test_a_tuple_is_an_address(self) -> None:
        with ScriptedServer(original({"captured": "", "exception": ""})) as server:
            host, port = server.address.split(":")
            self.assertEqual(run_snippet((host, int(port)), "a"), ("", ""))
            self.assertEqual(run_snippet(("localhost", int(port)), "a"), ("", ""))

    def test_every_interface_is_dialled_as_loopback_with_a_warning(self) -> None:
        with ScriptedServer(original({"captured": "x", "exception": ""})) as server:
            told = io.StringIO()
            with contextlib.redirect_stderr(told):
                output, _ = run_snippet(("0.0.0.0", int(server.address.split(":")[1])), "a")
            self.assertEqual(output, "x")
            self.assertIn("127.0.0.1", told.getvalue())

    def test_control_gives_a_dictionary(self) -> None:
        def script(message: Dict[str, Any], peer: Peer) -> None:
            word = message["control"]
            peer.send({"ack": word, "response": '{"pid": 7}' if word == "status" else ""})

        with ScriptedServer(script, self.path("s")) as server:
            self.assertEqual(control(server.address, Action.STATUS), {"pid": 7})
            self.assertEqual(control(server.address, Action.STOP), {})
            self.assertEqual(control(server.address, Action.RESTART), {})
            self.assertEqual([message["control"] for message in server.received], ["status", "stop", "restart"])

    def test_nothing_is_sent_that_an_original_server_would_die_of(self) -> None:
        with ScriptedServer(original({}), self.path("s")) as server:
            with self.fails_with("bad_request"):
                control(server.address, Action.INTERRUPT, classic=True)
            with self.fails_with("bad_request"):
                control(server.address, Action.STOP, classic=True, drain=True)
            self.assertEqual(server.connection_count, 0)

    def test_no_answer_and_a_senseless_one_are_errors(self) -> None:
        with ScriptedServer(lambda _message, peer: peer.close(), self.path("a")) as server:
            with self.fails_with("connection_lost"):
                run_snippet(server.address, "a")
        for reply in ({"captured": 1, "exception": ""}, {}, []):
            with ScriptedServer(original(reply), self.path("b")) as server:
                with self.fails_with("bad_request"):
                    run_snippet(server.address, "a")


class NativeDialect(PlaceTest):
    def test_stream_yields_the_events_of_its_own_run_up_to_done(self) -> None:
        def script(message: Dict[str, Any], peer: Peer) -> None:
            peer.send({"event": "stdout", "run": 4, "text": "somebody else's"})
            peer.send({"id": message["id"], "event": "started", "run": 5, "generation": 1})
            peer.send({"id": message["id"], "event": "stdout", "run": 5, "text": {"$bytes": "/w=="}, "raw": True})
            peer.send({"id": message["id"], "run": 5, **done()})

        with ScriptedServer(script, self.path("s")) as server:
            events = list(stream(server.address, "a", name="f.py", line=3, timeout_ms=9, stdin={"text": "x"}))
            self.assertEqual([event["event"] for event in events], ["started", "stdout", "done"])
            self.assertEqual(events[1]["text"], b"\xff")
            self.assertNotIn("id", events[0])
            sent = {"op": "run", "id": 1, "code": "a", "name": "f.py", "line": 3, "timeoutMs": 9, "stdin": {"text": "x"}}
            self.assertEqual(server.received, [sent])

    def test_a_loss_of_the_namespace_is_no_event_of_a_run_and_no_answer(self) -> None:
        lost = {"event": "lost", "run": 0, "generation": 1, "message": "restarted", "names": ["a"]}

        def script(message: Any, peer: Any) -> None:
            peer.send(lost)
            if message["op"] == "run":
                peer.send({"id": message["id"], "event": "get", "run": 5, "text": "a"})
                peer.send(lost)
                peer.send({"id": message["id"], "run": 5, **done()})
            else:
                peer.send({"id": message["id"], "reply": {"state": "idle"}})

        with ScriptedServer(script, self.path("s")) as server:
            events = list(stream(server.address, "a"))
            self.assertEqual([event["event"] for event in events], ["get", "done"])
            self.assertEqual(run_snippet(server.address, "a", token="t"), ("a", ""))
            self.assertEqual(control(server.address, Action.STATUS, token="t"), {"state": "idle"})

    def test_an_unknown_option_is_refused_before_anything_is_sent(self) -> None:
        with self.assertRaisesRegex(TypeError, "timeout_ms"):
            list(stream(self.path("nobody"), "a", timeout=3))

    def test_run_snippet_with_a_token_says_hello_and_gives_the_same_texts(self) -> None:
        frame = {"file": "<snippet 5>", "line": 1, "name": "<module>", "source": "1/0", "column": 0, "endColumn": 3}
        raised = {"type": "ZeroDivisionError", "message": "division by zero", "frames": [frame], "traceback": "T"}
        events = ({"event": "get", "text": "a"}, {"event": "get", "text": "b"}, done(status="error", exception=raised))
        with ScriptedServer(answering(*events), self.path("s")) as server:
            self.assertEqual(run_snippet(server.address, "1/0", token="secret"), ("ab", TRACEBACK))
            self.assertEqual([message["op"] for message in server.received], ["hello", "run"])
            self.assertEqual(server.received[0]["token"], "secret")

    def test_over_tcp_the_server_proves_itself_before_it_learns_token_or_code(self) -> None:
        def script(message: Dict[str, Any], peer: Peer) -> None:
            if "nonce" not in message:
                return answering(done())(message, peer)
            proof = hmac.new(b"secret", message["nonce"].encode(), hashlib.sha256).hexdigest()
            peer.send({"id": message["id"], "reply": {"protocol": 1, "proof": proof}})

        with ScriptedServer(script) as server:
            self.assertEqual(run_snippet(server.address, "a", token="secret"), ("", ""))
            self.assertEqual(["token" in message for message in server.received], [False, True, False])
        with ScriptedServer(answering(done())) as liar:
            with self.fails_with("unauthorized"):
                run_snippet(liar.address, "a", token="secret")
            self.assertEqual(len(liar.received), 1)
            self.assertNotIn("token", liar.received[0])

    def test_the_servers_error_is_raised_with_its_code(self) -> None:
        def script(message: Dict[str, Any], peer: Peer) -> None:
            peer.send({"id": message["id"], "error": {"code": "overloaded", "message": "full", "details": 3}})

        with ScriptedServer(script, self.path("s")) as server:
            with self.fails_with("overloaded") as caught:
                list(stream(server.address, "a"))
            self.assertEqual(caught.exception.details, 3)

    def test_a_lost_connection_a_giant_and_garbage_are_errors(self) -> None:
        cases = [
            ("connection_lost", lambda message, peer: peer.close()),
            ("too_large", lambda message, peer: peer.socket.sendall(b"HTTP/1.1 400")),
            ("bad_request", lambda message, peer: peer.socket.sendall(b"\0\0\0\3{{{")),
            ("bad_request", lambda message, peer: peer.socket.sendall(b"\0\1\x86\xa0" + b"[" * 100000)),
        ]
        for index, (code, script) in enumerate(cases):
            with self.subTest(index), ScriptedServer(script, self.path("s%d" % index)) as server:
                with self.fails_with(code):
                    list(stream(server.address, "a"))

    def test_control_is_native_with_a_token_or_for_an_interrupt(self) -> None:
        def script(message: Dict[str, Any], peer: Peer) -> None:
            peer.send({"id": message["id"], "reply": {"op": message["op"]}})

        with ScriptedServer(script, self.path("s")) as server:
            self.assertEqual(control(server.address, Action.STATUS, token="t"), {"op": "status"})
            self.assertEqual(control(server.address, Action.INTERRUPT, run=3, grace_ms=4), {"op": "interrupt"})
            self.assertEqual(server.received[-1], {"op": "interrupt", "id": 1, "run": 3, "graceMs": 4})

    def test_leaving_the_stream_closes_the_connection(self) -> None:
        gone = threading.Event()

        def script(message: Dict[str, Any], peer: Peer) -> None:
            peer.send({"id": message["id"], "event": "started", "run": 1, "generation": 1})
            self.assertIsNone(peer.receive())
            gone.set()

        with ScriptedServer(script, self.path("s")) as server:
            events = stream(server.address, "a")
            next(events)
            events.close()
            self.assertTrue(gone.wait(10))


class Values(unittest.TestCase):
    def test_what_json_cannot_carry_goes_both_ways(self) -> None:
        values = [b"\x00\xff", float("inf"), float("-inf"), 2**63, -(2**53), {"$int": "5"}, {"$bytes": [b"x"]}, {"a": (1,)}]
        back = sock_client._parse(json.dumps(sock_client._tagged(values)))
        self.assertEqual(back, values[:-1] + [{"a": [1]}])
        nan, zero = sock_client._parse(json.dumps(sock_client._tagged([float("nan"), -0.0])))
        self.assertTrue(math.isnan(nan))
        self.assertEqual(math.copysign(1, zero), -1)

    def test_the_tagged_forms_are_the_protocols(self) -> None:
        self.assertEqual(sock_client._tagged(b"\xff"), {"$bytes": "/w=="})
        self.assertEqual(sock_client._tagged(2**53), {"$int": "9007199254740992"})
        self.assertEqual(sock_client._tagged(2**53 - 1), 2**53 - 1)
        self.assertEqual(sock_client._tagged({"$float": "x"}), {"$object": {"$float": "x"}})
        self.assertIs(sock_client._tagged(True), True)

    def test_ends_have_the_originals_form(self) -> None:
        reason = {"message": "segfault", "signal": "SIGSEGV"}
        cases = [
            (done(), ""),
            (done(status="exit", code=3), "SystemExit: 3"),
            (done(status="exit", code=None), "SystemExit: "),
            (done(status="interrupted"), "KeyboardInterrupt: "),
            (done(status="timeout", reason={"message": "after 1 s"}), "Timeout: after 1 s"),
            (done(status="cancelled", reason={"message": "by x"}), "Cancelled: by x"),
            (done(status="lost", reason=reason), "KernelLost: signal SIGSEGV: segfault"),
        ]
        for event, text in cases:
            self.assertEqual(sock_client._classic_exception(event), text)

    def test_frames_have_the_originals_form(self) -> None:
        frames = [
            {"file": "<snippet 2>", "line": 3, "name": "g", "source": "    return g(n)", "column": 11, "endColumn": 15},
            {"file": "/x.py", "line": 9, "name": "h", "source": "    return f(s)\n", "column": 11, "endColumn": 15},
        ]
        raised = {"type": "json.decoder.JSONDecodeError", "message": "m", "frames": frames, "traceback": ""}
        expected = (
            "Snippet, line 3, in g:\n        return g(n)\n               ^^^^\n"
            "File /x.py, line 9, in h:\n    return f(s)\n               ^^^^\nJSONDecodeError: m"
        )
        self.assertEqual(sock_client._classic_exception(done(status="error", exception=raised)), expected)
        syntax = {"type": "SyntaxError", "message": "bad (<snippet 4>, line 1)", "frames": [], "traceback": ""}
        self.assertEqual(
            sock_client._classic_exception(done(status="error", exception=syntax)), "SyntaxError: bad (Snippet, line 1)"
        )

    def test_the_error_codes_are_the_protocols(self) -> None:
        with open(os.path.join(ROOT, "src", "protocol", "errors.ts"), encoding="utf-8") as file:
            text = file.read()
        table = text[text.index("ERROR_CODES = {") : text.index("} as const")]
        codes = {code: int(exit) for code, exit in re.findall(r"(\w+): \{\s*exit: (\d+)", table)}
        self.assertEqual(sock_client._EXIT_BY_CODE, codes)


class Addresses(PlaceTest):
    def test_are_read_as_the_protocol_says(self) -> None:
        cases = {
            ":1": ("127.0.0.1", 1),
            "localhost:65535": ("127.0.0.1", 65535),
            "tcp:h:9": ("h", 9),
            "[::1]:9": ("::1", 9),
            "a/b:9": "a/b:9",
            "unix:a:9": "a:9",
            "session.sock": "session.sock",
        }
        for text, parsed in cases.items():
            self.assertEqual(sock_client._parse_address(text), parsed)
        for text in ("", "tcp:x", "unix:", ":0", ":65536", "::1:9"):
            with self.subTest(text), self.fails_with("bad_address"):
                sock_client._parse_address(text)

    def test_only_this_machine_is_dialled(self) -> None:
        for text in ("192.0.2.1:9", "[2001:db8::1]:9"):
            with self.fails_with("not_loopback"):
                run_snippet(text, "a")

    def test_a_path_that_the_system_would_cut_is_refused(self) -> None:
        with self.fails_with("bad_address"):
            run_snippet("x" * 108, "a")

    def test_nobody_there(self) -> None:
        with self.fails_with("no_server"):
            run_snippet(self.path("nobody"), "a")


class SessionFiles(PlaceTest):
    def write(self, content: Any, mode: int = 0o600, name: str = "session.json") -> str:
        path = self.path(name)
        with open(path, "w") as file:
            json.dump(content, file)
        os.chmod(path, mode)
        return path

    def listen(self) -> str:
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path("s"))
        return self.path("s")

    def test_a_good_one_gives_address_token_and_dialect(self) -> None:
        address = self.listen()
        ours = read_session(self.write({"address": address, "token": "t", "protocol": 1}))
        self.assertEqual(ours, (address, "t", False))
        self.assertEqual(read_session(self.write({"address": address})), (address, None, True))
        self.assertTrue(read_session(self.write({"address": "0.0.0.0:99"})).classic)

    def test_a_missing_one_and_a_stale_one_are_told_apart(self) -> None:
        with self.fails_with("no_server") as caught:
            read_session(self.path("none.json"))
        self.assertIn("there is no session file", str(caught.exception))
        with self.fails_with("no_server") as caught:
            read_session(self.write({"address": self.path("gone"), "protocol": 1}))
        self.assertIn("stale", str(caught.exception))

    def test_one_that_others_can_write_is_not_trusted(self) -> None:
        address = self.listen()
        for mode in (0o620, 0o602, 0o666):
            with self.subTest(oct(mode)), self.fails_with("untrusted"):
                read_session(self.write({"address": address}, mode))

    def test_a_link_a_folder_and_a_fifo_are_not_trusted(self) -> None:
        os.symlink(self.write({"address": self.listen()}), self.path("link"))
        os.mkdir(self.path("folder"))
        os.mkfifo(self.path("fifo"), 0o600)
        for name in ("link", "folder", "fifo"):
            with self.subTest(name), self.fails_with("untrusted"):
                read_session(self.path(name))

    def test_an_address_elsewhere_or_that_is_no_socket_is_not_followed(self) -> None:
        for address in ("192.0.2.1:99", self.write({}, name="file")):
            with self.subTest(address), self.fails_with("untrusted"):
                read_session(self.write({"address": address, "protocol": 1}))
        with self.fails_with("untrusted"):
            read_session(self.write({"address": "0.0.0.0:99", "protocol": 1}))

    def test_nonsense_is_not_trusted(self) -> None:
        for content in ([], {}, {"address": 5}, {"address": "a", "token": 5}, "x" * 70000):
            with self.subTest(str(content)[:20]), self.fails_with("untrusted"):
                read_session(self.write(content))

    @unittest.skipUnless(hasattr(os, "geteuid") and os.geteuid() == 0, "needs root to make another user's files")
    def test_another_users_file_or_socket_is_not_trusted(self) -> None:
        address = self.listen()
        path = self.write({"address": address})
        os.chown(address, 12345, 12345)
        with self.fails_with("untrusted"):
            read_session(path)
        os.chown(address, 0, 0)
        os.chown(path, 12345, 12345)
        with self.fails_with("untrusted"):
            read_session(path)

    def test_a_name_is_not_followed_and_a_port_only_of_this_user(self) -> None:
        with self.fails_with("untrusted"):
            read_session(self.write({"address": "somewhere:99", "protocol": 1}))
        with ScriptedServer(answering(done())) as server:
            path = self.write({"address": server.address, "protocol": 1})
            self.assertEqual(read_session(path).address, server.address)
            owners = sock_client._listener_uids
            self.addCleanup(setattr, sock_client, "_listener_uids", owners)
            if os.path.exists("/proc/net/tcp"):
                self.assertEqual(set(owners(int(server.address.split(":")[1]))), {os.geteuid()})
            sock_client._listener_uids = lambda port: [12345]
            with self.fails_with("untrusted"):
                read_session(path)


class CommandLine(PlaceTest):
    def run_client(self, *arguments: str, code: str = "a", env: Optional[Dict[str, str]] = None) -> Any:
        return subprocess.run(
            [sys.executable, CLIENT, *arguments],
            input=code.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env={**os.environ, **(env or {})},
        )

    def test_shows_get_output_with_its_seam_and_not_what_is_printed(self) -> None:
        events = (
            {"event": "get", "text": "15"},
            {"event": "stdout", "text": "printed\n"},
            {"event": "get", "text": "13"},
            {"event": "get", "text": "\n"},
            {"event": "get", "text": "é"},
            done(),
        )
        with ScriptedServer(answering(*events), self.path("s")) as server:
            found = self.run_client(server.address)
            self.assertEqual((found.returncode, found.stdout.decode(), found.stderr), (0, "15 13\né", b""))
            found = self.run_client("-p", server.address)
            self.assertEqual(found.stdout.decode(), "15\nprinted\n13\né")

    def test_ends_as_the_run_did(self) -> None:
        raised = {"type": "E", "message": "m", "frames": [], "traceback": "Traceback: E\n"}
        cases = [
            (done(status="error", exception=raised), 10, "Traceback: E\n"),
            (done(status="interrupted"), 11, ""),
            (done(status="timeout", reason={"message": "too long"}), 13, "sock_client: too long\n"),
            (done(status="lost", kept=False, reason={"message": "died"}), 14, "sock_client: died\n"),
            (done(status="cancelled", reason={"message": "by x"}), 15, "sock_client: by x\n"),
            (done(status="exit", code=None), 0, ""),
            (done(status="exit", code=259), 3, ""),
            (done(status="exit", code="bye"), 1, "bye\n"),
            (done(outputComplete=False), 0, "sock_client: some output may be missing\n"),
        ]
        for event, status, text in cases:
            with self.subTest(event["status"]), ScriptedServer(answering(event), self.path("s")) as server:
                found = self.run_client(server.address)
                self.assertEqual((found.returncode, found.stderr.decode()), (status, text))

    def test_finds_the_server_by_its_session_file(self) -> None:
        with ScriptedServer(answering({"event": "get", "text": "x"}, done()), self.path("s")) as server:
            for name in (".sock_python.json", "other.json"):
                with open(self.path(name), "w") as file:
                    json.dump({"address": server.address, "token": "t", "protocol": 1}, file)
                os.chmod(self.path(name), 0o600)
            self.assertEqual(self.run_client().stdout, b"x")
            os.unlink(self.path(".sock_python.json"))
            self.assertEqual(self.run_client("-f", "other.json").stdout, b"x")
            self.assertEqual(self.run_client(env={"SOCK_PYTHON_SESSION": "other.json"}).stdout, b"x")
            self.assertEqual(self.run_client("-f", "other.json", server.address).stdout, b"x")

    def test_speaks_to_an_original_server_by_its_session_file_or_when_told(self) -> None:
        script = original({"captured": "out", "exception": TRACEBACK})
        with ScriptedServer(script, self.path("s")) as server:
            with open(self.path(".sock_python.json"), "w") as file:
                json.dump({"address": server.address}, file)
            os.chmod(self.path(".sock_python.json"), 0o600)
            for arguments in ([], ["--classic", server.address]):
                found = self.run_client(*arguments)
                expected = (10, b"out", TRACEBACK + "\n")
                self.assertEqual((found.returncode, found.stdout, found.stderr.decode()), expected)
            self.assertEqual(server.received, [{"snippet": "a"}] * 2)

    def test_failures_have_their_exit_statuses(self) -> None:
        self.assertEqual(self.run_client().returncode, 3)
        self.assertEqual(self.run_client("nobody").returncode, 3)
        self.assertEqual(self.run_client("192.0.2.1:9").returncode, 2)
        self.assertEqual(self.run_client("--nonsense").returncode, 2)
        os.symlink("x", self.path("link"))
        self.assertEqual(self.run_client("-f", "link").returncode, 1)

        def refuse(message: Dict[str, Any], peer: Peer) -> None:
            peer.send({"id": message["id"], "error": {"code": "unauthorized", "message": "no"}})

        with ScriptedServer(refuse, self.path("s")) as server:
            self.assertEqual(self.run_client(server.address).returncode, 4)

    def test_ctrl_c_interrupts_the_run_and_waits_for_the_truth(self) -> None:
        runs = []

        def script(message: Dict[str, Any], peer: Peer) -> None:
            if message["op"] == "run":
                runs.append((peer, message["id"]))
                peer.send({"id": message["id"], "event": "started", "run": 5, "generation": 1})
                peer.send({"id": message["id"], "event": "get", "run": 5, "text": "on"})
            else:
                run_peer, run_id = runs[0]
                run_peer.send({"id": run_id, "run": 5, **done(status="interrupted")})
                peer.send({"id": message["id"], "reply": {"outcome": "interrupted"}})

        with ScriptedServer(script, self.path("s")) as server:
            command = [sys.executable, CLIENT, server.address]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
                client.stdin.close()
                self.assertEqual(client.stdout.read(2), b"on")
                client.send_signal(signal.SIGINT)
                self.assertEqual(client.wait(), 11)
            self.assertEqual(server.received[-1]["op"], "interrupt")
            self.assertEqual(server.received[-1]["run"], 5)

    def test_a_reader_that_leaves_ends_it_quietly(self) -> None:
        # More than a pipe holds, so that writing meets the closed end.
        events = [{"event": "get", "text": "x" * 100000}] * 10
        with ScriptedServer(answering(*events, done()), self.path("s")) as server:
            command = [sys.executable, CLIENT, server.address]
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as client:
                client.stdout.read(1)
                client.stdout.close()
                self.assertEqual(client.stderr.read(), b"")
                self.assertEqual(client.wait(), 141)


if __name__ == "__main__":
    unittest.main()
