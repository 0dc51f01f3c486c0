"""sys.stdout and sys.stderr: order, whole lines, credit, and what users do to them."""

import re
import unittest

from kernel_harness import KernelTest, times

THREADS = """
import threading, sys
def work(k):
    for i in range(%d):
        sys.stdout.write('T%%d:%%d:%%s\\n' %% (k, i, 'y' * (%d + i %% 200)))
threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
for t in threads: t.start()
work(3)
for t in threads: t.join()
"""


class Streams(KernelTest):
    def order(self, code: str) -> list:
        result = self.ok(self.kernel.run(code))
        return [(event['event'], event.get('text')) for event in result.events]

    def test_order_is_the_order_of_the_calls(self) -> None:
        code = (
            'import sys\nsys.stdout.write("a"); sys.stderr.write("e"); print("b"); get(1); print("c", end="")\n'
            'get(2); sys.stderr.write("f"); get(3)\nprint("d", end="")'
        )
        expected = [('stdout', 'a'), ('stderr', 'e'), ('stdout', 'b\n'), ('get', '1'), ('stdout', 'c'), ('get', '2')]
        expected += [('stderr', 'f'), ('get', '3'), ('stdout', 'd')]
        self.assertEqual(self.order(code), expected)

    def test_a_line_is_one_event_and_comes_when_it_ends(self) -> None:
        self.assertEqual(self.order('print("a", 1, [2])'), [('stdout', 'a 1 [2]\n')])
        self.assertEqual(self.order('print("a", end=""); print("b")'), [('stdout', 'ab\n')])
        self.assertEqual(self.order('print("a", end="", flush=True); print("b")'), [('stdout', 'a'), ('stdout', 'b\n')])
        run = self.kernel.begun('print("ready")\nimport time\ntime.sleep(99)')
        self.kernel.stop(run)

    def test_they_behave_as_text_streams_do(self) -> None:
        names = '(s.encoding, s.errors, s.fileno(), s.isatty(), s.name, s.writable(), s.mode)'
        code = 'import sys; s = sys.stdout; ' + names
        self.assertEqual(self.kernel.value(code), "('utf-8', 'backslashreplace', 1, False, '<stdout>', True, 'w')")
        self.assertEqual(self.kernel.run('print("é\\ud800")', value='none').text(), 'é\\ud800\n')
        self.assertEqual(self.kernel.value('sys.stdout.write("abc")'), '3')
        self.assertEqual(self.order('sys.stdout.writelines(["a\\n", "b\\n"])'), [('stdout', 'a\n'), ('stdout', 'b\n')])

    def test_bytes_that_are_not_utf8_travel_as_bytes(self) -> None:
        self.assertEqual(self.order('import sys; sys.stdout.buffer.write(b"\\xff\\n")'), [('stdout', b'\xff\n')])
        code = 'import array\nfor b in "é".encode(): sys.stdout.buffer.write(array.array("B", [b]))\nprint()'
        self.assertEqual(self.order(code), [('stdout', 'é\n')])

    def test_large_texts_arrive_whole(self) -> None:
        result = self.ok(self.kernel.run('print("é中😀" * 300_001)'))
        self.assertEqual(result.text(), 'é中😀' * 300_001 + '\n')
        self.assertGreater(len(result.events), 5)
        self.assertEqual(len(self.kernel.run('get("x" * 3_000_000)').gets[0]), 3_000_000)
        self.assertEqual(self.kernel.run('get("x" * 70_000_000)').exception['type'], 'ValueError')

    def test_whatever_is_done_to_them_nothing_breaks(self) -> None:
        self.assertEqual(self.kernel.run('import sys, os\nsys.stdout.close(); print("x")').text(), 'x\n')
        self.ok(self.kernel.run('keep = sys.stdout; sys.stdout = sys.stderr = None; print("x")'))
        self.assertEqual(self.kernel.run('1/0').status, 'error')
        self.ok(self.kernel.run('sys.stdout = open(os.devnull, "w"); print("x"); sys.stdout.close()'))
        self.ok(self.kernel.run('class Odd:\n    def flush(self): raise ValueError\nsys.stdout = Odd()'))
        self.assertEqual(self.kernel.run('sys.stdout = keep; print("y")').text(), 'y\n')
        self.ok(self.kernel.run('os.close(1); os.close(2); print("z")'))
        code = 'sys.stdout = io.TextIOWrapper(sys.stdout.detach(), "latin-1", line_buffering=True); print("é")'
        code = 'import io; ' + code
        self.assertEqual(self.order(code), [('stdout', b'\xe9\n')])
        self.assertEqual(self.kernel.run('print("ok")').text(), 'ok\n')

    def test_a_wrapper_of_the_users_is_flushed_at_the_end(self) -> None:
        code = 'import io, sys\nsys.stdout = io.TextIOWrapper(io.BufferedWriter(sys.stdout.buffer))\nprint("x")'
        self.assertEqual(self.kernel.run(code).text(), 'x\n')

    def test_what_is_printed_within_print_is_neither_lost_nor_doubled(self) -> None:
        code = (
            'class A:\n    def __str__(self):\n        print("inner")\n        return "outer"\nprint(A())\n'
            'import sys\ndef trace(f, e, a):\n    print("t", end=""); return trace\n'
            'sys.settrace(trace)\nfor i in range(50): print(i)\nsys.settrace(None)'
        )
        text = self.ok(self.kernel.run(code)).text()
        self.assertTrue(text.startswith('inner\nouter\n'))
        numbers = re.findall(r'\d+', text)
        self.assertEqual(numbers, [str(i) for i in range(50)])

    def test_printing_finalizers_everywhere(self) -> None:
        code = (
            'import gc\nmade = gone = 0\n'
            'class D:\n    def __init__(s):\n        global made\n        s.me = s; made += 1\n'
            '    def __del__(s):\n        global gone\n        gone += 1; print("d", end=" ")\n'
            'old = gc.get_threshold(); gc.set_threshold(5)\n'
            'for i in range(3000):\n    D(); L = [{} for _ in range(20)]; print("m%d" % i)\n'
            'gc.set_threshold(*old); gc.collect(); assert made == gone'
        )
        text = self.ok(self.kernel.run(code)).text()
        self.assertEqual(re.findall(r'm(\d+)', text), [str(i) for i in range(3000)])
        self.assertEqual(text.count('d '), 3000)

    def test_print_at_the_recursion_limit(self) -> None:
        result = self.kernel.run('def r(n):\n    print(n)\n    r(n + 1)\nr(0)')
        self.assertEqual(result.exception['type'], 'RecursionError')
        lines = result.text().split()
        self.assertEqual(lines, [str(i) for i in range(len(lines))])
        self.assertEqual(self.kernel.run('print("a")').text(), 'a\n')


class Threads(KernelTest):
    def check_lines(self, text: str, padding: int) -> int:
        following = {}
        lines = text.split('\n')[:-1]
        for line in lines:
            match = re.fullmatch(r'T(\d):(\d+):(y*)', line)
            self.assertTrue(match, line[:80])
            thread, number = int(match[1]), int(match[2])
            self.assertEqual(number, following.get(thread, 0))
            self.assertEqual(len(match[3]), padding + number % 200)
            following[thread] = number + 1
        return len(lines)

    def test_lines_of_threads_stay_whole_while_asked(self) -> None:
        for count, padding in (times(1000), 0), (times(40), 150_000):
            run = self.kernel.start(THREADS % (count, padding))
            asked = 0
            while not self.kernel.results[run].done and asked < 400:
                self.kernel.request()
                asked += 1
            result = self.ok(self.kernel.collect(run, 60))
            self.assertEqual(self.check_lines(result.text(), padding), 4 * count)

    def test_late_threads_write_for_no_run(self) -> None:
        code = (
            'import threading\nfirst, second = threading.Event(), threading.Event()\n'
            'def late():\n    first.wait(); print("late"); get("late get"); second.set()\n'
            'thread = threading.Thread(target=late); thread.start()'
        )
        self.ok(self.kernel.run(code))
        result = self.ok(self.kernel.run('print("a", end=""); first.set(); second.wait(); print("b")'))
        self.assertEqual(result.text('stdout', 'get'), 'ab\n')
        self.assertEqual(self.kernel.session.text('stdout', 'get'), 'late\nlate get')
        self.ok(self.kernel.run('thread.join()'))
        code = 'def now(): print("now", end="")\nt = threading.Thread(target=now); t.start(); t.join()'
        self.assertEqual(self.ok(self.kernel.run(code)).text(), 'now')

    def test_a_thread_that_prints_on_after_done(self) -> None:
        code = (
            'import threading\nstop = False\ndef work():\n    i = 0\n'
            '    while not stop: print("line", i); i += 1\nt = threading.Thread(target=work); t.start()'
        )
        result = self.ok(self.kernel.run(code))
        for _ in range(times(100)):
            self.assertEqual(self.ok(self.kernel.run('print("mine")')).text(), 'mine\n')
        self.ok(self.kernel.run('stop = True; t.join()'))
        lines = (result.text() + self.kernel.session.text()).split('\n')[:-1]
        self.assertEqual(lines, ['line %d' % i for i in range(len(lines))])


if __name__ == '__main__':
    unittest.main()
