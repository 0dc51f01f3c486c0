"""Interrupts end the run they were meant for, and no other."""

import random
import time
import unittest

from kernel_harness import KernelTest, Stuck, times

BUSY = {
    'a loop': 'while True: pass',
    'sleep': 'import time; time.sleep(100)',
    'many C calls': 'while True: sum(range(10**5))',
    'zlib': 'import zlib\nb = bytes(1 << 22)\nwhile True: zlib.compress(b, 1)',
    'hashlib': 'import hashlib\nb = bytes(1 << 24)\nwhile True: hashlib.sha256(b).digest()',
    'a regular expression': 'import re; re.match(r"(a+)+$", "a" * 40 + "b")',
    'a lock': 'import threading; l = threading.Lock(); l.acquire(); l.acquire()',
    'a subprocess': 'import subprocess; subprocess.run(["sleep", "100"])',
    'select': 'import select; select.select([], [], [], 100)',
    'queue': 'import queue; queue.Queue().get()',
    'a thread joined': 'import threading; t = threading.Thread(target=threading.Event().wait, daemon=True)\n'
    't.start(); t.join()',
    'an import': 'import sys\nwhile True:\n    import json; sys.modules.pop("json"); sys.modules.pop("json.decoder")',
    'with and finally': 'import threading\nl = threading.Lock()\nwhile True:\n    with l:\n        try: x = 1\n'
    '        finally: y = 2',
    'a slow repr': 'class A:\n    def __repr__(s):\n        while True: pass\nprint(A())',
}
SPAM = 'i = 0\nwhile True:\n    print(i, "x" * (i % 300), sep=":")\n    i += 1\n'


class Interrupts(KernelTest):
    def test_whatever_the_code_does(self) -> None:
        for name, code in BUSY.items():
            with self.subTest(name):
                run = self.kernel.begun('print("ready")\n' + code)
                for _ in range(3):
                    self.assertIn('snippet', self.kernel.request()['reply']['stack'])
                self.kernel.interrupt(run)
                result = self.interrupted(self.kernel.collect(run, 5), 'interrupt')
                self.assertEqual(result.exception['type'], 'KeyboardInterrupt')
                self.assertTrue(result.done['kept'])

    def test_printing_at_full_speed(self) -> None:
        for _ in range(10):
            run = self.kernel.start(SPAM)
            for _ in range(times(30)):
                self.kernel.request()
            self.kernel.interrupt(run)
            result = self.interrupted(self.kernel.collect(run), 'interrupt')
            lines = result.text().split('\n')[:-1]
            self.assertEqual(lines, ['%d:%s' % (i, 'x' * (i % 300)) for i in range(len(lines))])

    def test_forced_at_once(self) -> None:
        run = self.kernel.begun('print("ready")\nwhile True:\n    try:\n        while True: x = 1\n    except: pass')
        self.kernel.interrupt(run, level=2)
        self.interrupted(self.kernel.collect(run, 5), 'forced')

    def test_it_is_acknowledged_when_taken(self) -> None:
        code = 'try:\n    print("ready")\n    while True: pass\nexcept KeyboardInterrupt: input()'
        run = self.kernel.begun(code, stdin='ask')
        self.kernel.interrupt(run)
        self.kernel.until(lambda: self.kernel.taken == [run])
        self.kernel.until(lambda: self.kernel.results[run].events[-1]['event'] == 'input')
        self.kernel.input(run, text='x')
        self.ok(self.kernel.collect(run))

    def test_a_caught_interrupt_lets_the_code_go_on(self) -> None:
        code = 'try:\n    print("ready")\n    while True: pass\n'
        code += 'except KeyboardInterrupt as e: get(type(e).__name__)\nget(2)'
        run = self.kernel.begun(code)
        self.kernel.interrupt(run)
        self.assertEqual(self.ok(self.kernel.collect(run)).gets, ['KeyboardInterrupt', '2'])

    def test_a_handler_of_the_users_is_asked_first(self) -> None:
        code = (
            'import signal\ngot = []\nold = signal.signal(signal.SIGINT, lambda *a: got.append(a[0]))\n'
            'print("ready")\nwhile not got: pass\nsignal.signal(signal.SIGINT, old)\ngot'
        )
        run = self.kernel.begun(code, value='repr')
        self.kernel.interrupt(run)
        self.assertEqual(self.ok(self.kernel.collect(run)).value, '[2]')
        self.assertEqual(self.kernel.value('old is signal.default_int_handler'), 'True')

    def test_early_is_parked_and_late_is_dropped(self) -> None:
        self.kernel.interrupt(1)
        result = self.interrupted(self.kernel.run('x = 1'), 'interrupt')
        self.assertEqual(self.kernel.run('x').exception['type'], 'NameError')
        self.kernel.interrupt(result.run)
        self.kernel.interrupt(0)
        self.ok(self.kernel.run('sum(range(10**6))'))
        self.kernel.interrupt(self.kernel.number + 3)
        self.ok(self.kernel.run('1'))
        self.ok(self.kernel.run('2'))
        self.interrupted(self.kernel.run('3'))
        self.ok(self.kernel.run('4'))

    def test_queued_runs_go_in_order(self) -> None:
        first = self.kernel.start('input()', stdin='ask')
        self.kernel.until(lambda: self.kernel.results[first].events)
        runs = [self.kernel.start('get(%d)' % i) for i in range(50)]
        self.kernel.interrupt(runs[-1])
        self.kernel.input(first, text='go')
        for i, run in enumerate(runs[:-1]):
            self.assertEqual(self.kernel.collect(run).gets, [str(i)])
        self.interrupted(self.kernel.collect(runs[-1]))

    def test_no_interrupt_hits_another_run(self) -> None:
        for i in range(times(1500)):
            code = 'x = %d' % i if i % 3 else 'for _ in range(%d): pass' % (i % 50 * 40)
            run = self.kernel.start(code)
            if i % 2:
                time.sleep(random.random() * 1e-4)
            self.kernel.interrupt(run)
            self.assertIn(self.kernel.collect(run).status, ('ok', 'interrupted'))
            if i % 10 == 0:
                self.ok(self.kernel.run('for _ in range(100): pass'))

    def test_bursts(self) -> None:
        for _ in range(times(150)):
            run = self.kernel.start('try:\n    for _ in range(20000): pass\nfinally: z = 1\nz')
            for _ in range(6):
                self.kernel.interrupt(run)
                time.sleep(random.random() * 4e-4)
            self.assertIn(self.kernel.collect(run).status, ('ok', 'interrupted'))

    def test_in_finalizers_it_is_not_lost(self) -> None:
        code = 'class S:\n    def __del__(s):\n        for i in range(400): pass\nprint("ready")\nwhile True: S()'
        for _ in range(times(30)):
            run = self.kernel.begun(code)
            self.kernel.interrupt(run)
            self.interrupted(self.kernel.collect(run, 3))

    def test_slow_reprs_of_values_are_interrupted_too(self) -> None:
        code = 'class A:\n    def __repr__(s):\n        print("ready")\n        while True: pass\nA()'
        run = self.kernel.begun(code, value='repr')
        self.kernel.interrupt(run)
        self.interrupted(self.kernel.collect(run, 5))

    def test_a_long_c_call_ends_first(self) -> None:
        run = self.kernel.begun('print("ready")\nsum(range(3 * 10**7))\nwhile True: pass')
        self.kernel.interrupt(run)
        self.interrupted(self.kernel.collect(run, 30))


class Stack(KernelTest):
    def test_idle_it_is_empty(self) -> None:
        self.assertEqual(self.kernel.request()['reply'], {'stack': ''})

    def test_busy_it_says_where(self) -> None:
        run = self.kernel.begun('def f():\n    print("ready")\n    while True: pass  # here\nf()')
        stack = ''
        while '# here' not in stack:
            stack = self.kernel.request()['reply']['stack']
        self.assertIn('File "<snippet 1>", line 4, in <module>\n    f()\n', stack)
        self.assertIn('    while True: pass  # here\n', stack)
        self.assertNotIn('session_kernel', stack)
        self.kernel.stop(run)

    def test_awaiting_it_says_where(self) -> None:
        run = self.kernel.begun('import asyncio\nasync def f():\n    await asyncio.sleep(99)  # here\n'
                                'print("ready")\nawait f()')
        while '# here' not in self.kernel.request()['reply']['stack']:
            pass
        self.kernel.stop(run)

    def test_unknown_ops_get_an_error(self) -> None:
        self.assertEqual(self.kernel.request('nope')['error']['code'], 'unknown_op')

    def test_asking_in_a_printing_loop_loses_nothing(self) -> None:
        run = self.kernel.start('for i in range(20000): print(i)')
        while not self.kernel.results[run].done:
            self.kernel.request()
        self.assertEqual(self.kernel.collect(run).text(), ''.join('%d\n' % i for i in range(20000)))


if __name__ == '__main__':
    unittest.main()
