"""Forked children never touch the channel, and end as programs do."""

import unittest

from kernel_harness import VERSION, KernelTest, times


class Forks(KernelTest):
    def check(self, code: str, text: str, raw: bytes) -> object:
        result = self.ok(self.kernel.run('import os, sys\n' + code))
        self.assertEqual(result.text(), text)
        self.assertEqual(result.raw[1], raw)
        return result

    def test_a_child_that_exits(self) -> None:
        code = (
            'print("before", end="")\npid = os.fork()\nif pid == 0:\n    print("child"); sys.exit(7)\n'
            'print("parent", os.waitpid(pid, 0)[1] >> 8)'
        )
        self.check(code, 'beforeparent 7\n', b'child\n')

    def test_a_child_that_falls_through(self) -> None:
        code = (
            'pid = os.fork()\nif pid == 0: print("falls"); sys.stdout.write("through")\n'
            'else: print(os.waitpid(pid, 0)[1])'
        )
        self.check(code, '0\n', b'falls\nthrough')

    def test_a_child_that_raises(self) -> None:
        code = 'pid = os.fork()\nif pid == 0: 1/0\nelse: print(os.waitpid(pid, 0)[1] >> 8)'
        result = self.check(code, '1\n', b'')
        self.assertIn(b'ZeroDivisionError', result.raw[2])
        self.assertNotIn(b'session_kernel', result.raw[2])

    def test_a_child_runs_its_exit_handlers(self) -> None:
        code = 'import atexit\npid = os.fork()\nif pid == 0: atexit.register(print, "bye")\nelse: os.waitpid(pid, 0)'
        self.check(code, '', b'bye\n')

    def test_a_child_in_an_await(self) -> None:
        code = 'pid = os.fork()\nif pid == 0: print("c")\nelse: os.waitpid(pid, 0)'
        code = 'import asyncio\nawait asyncio.sleep(0)\n' + code
        self.check(code, '', b'c\n')

    def test_pools_of_multiprocessing(self) -> None:
        code = (
            'import multiprocessing\ndef f(x): print("w%d" % x); return x * x\n'
            'with multiprocessing.get_context("fork").Pool(3) as pool: print(pool.map(f, range(6)))'
        )
        result = self.ok(self.kernel.run(code))
        self.assertEqual(result.text(), '[0, 1, 4, 9, 16, 25]\n')
        self.assertEqual(sorted(result.raw[1].split()), [b'w%d' % i for i in range(6)])

    def test_fork_by_c_code(self) -> None:
        code = (
            'import ctypes\nprint("held", end="", flush=True)\npid = ctypes.CDLL(None).fork()\n'
            'if pid == 0: print("c child"); os._exit(0)\nos.waitpid(pid, 0)\nprint("p")'
        )
        self.check(code, 'heldp\n', b'c child\n')
        self.check('pid = ctypes.CDLL(None).fork()\nif pid: os.waitpid(pid, 0)\nelse: print("c")', '', b'c\n')

    def test_asked_while_children_live(self) -> None:
        code = (
            'import os, time\npids = []\nread, write = os.pipe()\nfor _ in range(3):\n    pid = os.fork()\n'
            '    if pid == 0:\n        os.close(write); os.read(read, 1); os._exit(0)\n    pids.append(pid)\n'
            'print("ready"); input()\nos.close(write); print([os.waitpid(pid, 0)[1] for pid in pids])'
        )
        run = self.kernel.begun(code, stdin='ask')
        for _ in range(times(500)):
            self.assertIn('reply', self.kernel.request())
        self.kernel.input(run, text='')
        self.assertEqual(self.ok(self.kernel.collect(run)).text(), 'ready\n[0, 0, 0]\n')

    def test_subprocesses_write_to_the_descriptors(self) -> None:
        script = 'echo out; echo err >&2; echo 2 > /dev/stderr'
        code = 'import subprocess\nprint(subprocess.run(%r, shell=True).returncode)' % script
        result = self.check(code, '0\n', b'out\n')
        self.assertEqual(result.raw[2], b'err\n2\n')
        self.assertEqual(self.kernel.value('subprocess.check_output(["cat"])'), "b''")
        self.check('subprocess.run(["echo", "x"], stdout=sys.stdout)', '', b'x\n')
        listing = self.kernel.value('subprocess.check_output("ls /proc/self/fd | sort -n | tail -1", shell=True)')
        self.assertLess(int(listing[2:-3]), 10)

    @unittest.skipIf(VERSION >= (3, 12), 'since 3.12 a fork warns while threads run')
    def test_a_child_of_a_thread(self) -> None:
        code = (
            'import threading\ndef work():\n    pid = os.fork()\n    if pid == 0: print("c"); os._exit(0)\n'
            '    os.waitpid(pid, 0); print("t")\nt = threading.Thread(target=work); t.start(); t.join()'
        )
        result = self.ok(self.kernel.run('import os\n' + code))
        self.assertEqual((result.text(), result.raw[1]), ('t\n', b'c\n'))


if __name__ == '__main__':
    unittest.main()
