"""What the numbers are held against: Python programs that do a part of the work, or all of it, in the plainest way.

    baseline.py serve SOCKET                    an in-process server of the sock_python dialect
    baseline.py client SOCKET COUNT WARMUP      its client: one connection a snippet; prints microseconds as JSON
    baseline.py pingpong COUNT WARMUP           200 bytes to a forked echo and back, on a kept socket pair
    baseline.py ipykernel COUNT WARMUP          the same snippets through jupyter_client and ipykernel
    baseline.py lines COUNT                     prints COUNT lines of 1 KB
"""

import json
import os
import socket
import struct
import sys
import time
import traceback

HEADER = struct.Struct('>I')


def snippet(number):
    """The same three short snippets in turn that our own client sends, with what `get` must have made of them."""
    if number % 3 == 0:
        return 'x = %d' % number, ''
    if number % 3 == 1:
        return 'get(x + %d)' % number, str(2 * number - 1)
    return 'x += 1', ''


def receive(connection):
    """One frame's payload."""
    return read_exactly(connection, HEADER.unpack(read_exactly(connection, HEADER.size))[0])


def read_exactly(connection, count):
    parts = b''
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


def send(connection, message):
    payload = json.dumps(message).encode()
    connection.sendall(HEADER.pack(len(payload)) + payload)


def serve(path):
    """Accept, read, compile, exec, reply, close; no process or thread between."""
    captured = []
    namespace = {'__name__': '__main__', 'get': lambda value: captured.append(str(value))}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    print('ready', flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            code = json.loads(receive(connection))['snippet']
            exception = ''
            captured.clear()
            try:
                exec(compile(code, 'Snippet', 'exec'), namespace)
            except BaseException:
                exception = traceback.format_exc()
            send(connection, {'captured': ''.join(captured), 'exception': exception})


def run_classic(path, code):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        send(connection, {'snippet': code})
        return json.loads(receive(connection))['captured']


def time_snippets(run, count, warmup):
    """Times `run(code)` on varying snippets, checks each answer, and prints microseconds."""
    times = []
    for number in range(warmup + count):
        code, expected = snippet(number)
        start = time.perf_counter_ns()
        output = run(code)
        times.append(time.perf_counter_ns() - start)
        if output != expected:
            raise SystemExit('%r gave %r, not %r' % (code, output, expected))
    print_times(times[warmup:])


def print_times(times):
    times.sort()
    p50, p99 = (times[int(len(times) * part)] / 1e3 for part in (0.5, 0.99))
    print(json.dumps({'p50': p50, 'p99': p99}), flush=True)


def time_pingpong(count, warmup):
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        while True:
            data = theirs.recv(65536)
            if not data:
                os._exit(0)
            theirs.sendall(data)
    theirs.close()
    message = b'x' * 200
    times = []
    for _ in range(warmup + count):
        start = time.perf_counter_ns()
        ours.sendall(message)
        ours.recv(65536)
        times.append(time.perf_counter_ns() - start)
    ours.close()
    print_times(times[warmup:])


def time_ipykernel(count, warmup):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    try:
        texts = []

        def collect(message):
            if message['msg_type'] == 'stream':
                texts.append(message['content']['text'])

        def run(code):
            texts.clear()
            client.execute_interactive(code, store_history=False, output_hook=collect, timeout=60)
            return ''.join(texts)

        run('def get(value): print(value, end="")')
        time_snippets(run, count, warmup)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def print_lines(count):
    line = 'x' * 1023
    for _ in range(count):
        print(line)


def main(words):
    task = words[0]
    if task == 'serve':
        serve(words[1])
    elif task == 'client':
        time_snippets(lambda code: run_classic(words[1], code), int(words[2]), int(words[3]))
    elif task == 'pingpong':
        time_pingpong(int(words[1]), int(words[2]))
    elif task == 'ipykernel':
        time_ipykernel(int(words[1]), int(words[2]))
    elif task == 'lines':
        print_lines(int(words[1]))
    else:
        raise SystemExit(__doc__)


if __name__ == '__main__':
    main(sys.argv[1:])
