"""A kernel never outlives its server."""

import os
import signal
import subprocess
import sys
import time
import unittest

from kernel_harness import HERE, Kernel, KernelTest, alive

GROUP = """
import os, subprocess, time
child = subprocess.Popen(['sleep', '100'])
forked = os.fork()
if forked == 0:
    while True: pass
print(os.getpid(), child.pid, forked, flush=True)
print("ready", flush=True)
sum(range(10**12))
"""
SERVER = """
import sys, threading
sys.path.insert(0, %r)
from kernel_harness import Kernel
kernel = Kernel()
run = kernel.begun(%r)
print(kernel.directory, *kernel.results[run].text().split()[:3], flush=True)
threading.Event().wait()
"""


def wait_gone(pids: list, timeout_s: float = 5) -> list:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        pids = [pid for pid in pids if alive(pid)]
        if not pids:
            break
        time.sleep(0.005)
    return pids


class Leaving(KernelTest):
    ends_dead = True

    def test_when_the_server_is_killed_its_group_goes_too(self) -> None:
        server = subprocess.Popen([sys.executable, '-c', SERVER % (HERE, GROUP)], stdout=subprocess.PIPE)
        directory, *pids = server.stdout.readline().split()
        self.addCleanup(subprocess.call, ['rm', '-r', directory])
        self.addCleanup(server.stdout.close)
        pids = [int(pid) for pid in pids]
        self.assertEqual([alive(pid) for pid in pids], [True] * 3)
        server.kill()
        server.wait()
        self.assertEqual(wait_gone(pids), [])

    def test_end_of_the_channel_is_a_normal_exit(self) -> None:
        path = os.path.join(self.kernel.directory, 'trace')
        code = (
            'import atexit, threading\nevent = threading.Event()\n'
            'def late():\n    event.wait(); open(%r, "a").write("thread\\n"); print("nowhere")\n'
            'threading.Thread(target=late).start()\natexit.register(lambda: open(%r, "a").write("exit\\n"))\n'
            'def soon():\n    import time\n    time.sleep(0.1); event.set()\nthreading.Thread(target=soon).start()'
        )
        self.ok(self.kernel.run(code % (path, path)))
        self.kernel.channel.shutdown(2)
        self.assertEqual(self.kernel.wait(), 0)
        with open(path) as file:
            self.assertEqual(file.read(), 'thread\nexit\n')

    def test_in_the_middle_of_a_run_too(self) -> None:
        for code in 'while True: pass', 'while True: print("x" * 1000)', 'import time; time.sleep(99)':
            kernel = Kernel()
            self.addCleanup(kernel.close)
            kernel.begun('print("ready")\n' + code)
            kernel.channel.shutdown(2)
            self.assertEqual(kernel.wait(), 0)

    def test_a_thread_that_never_ends_is_not_waited_for_long(self) -> None:
        self.ok(self.kernel.run('import threading; threading.Thread(target=threading.Event().wait).start()'))
        self.kernel.channel.shutdown(2)
        self.assertEqual(self.kernel.wait(), -signal.SIGALRM)

    def test_crashes_leave_a_stack(self) -> None:
        run = self.kernel.start('def boom():\n    import ctypes; ctypes.string_at(0)\nboom()')
        with self.assertRaises((AssertionError, ConnectionResetError)):
            self.kernel.collect(run)
        self.assertEqual(self.kernel.wait(), -signal.SIGSEGV)
        with open(os.path.join(self.kernel.directory, 'fault')) as file:
            self.assertIn('in boom', file.read())


if __name__ == '__main__':
    unittest.main()
