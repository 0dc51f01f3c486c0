"""Loops that swallow every exception end by the second interrupt, and the namespace is kept."""

import unittest

from kernel_harness import VERSION, KernelTest

HOSTILE = {
    'bare except sleep': 'import time\nwhile True:\n    try:\n        time.sleep(0.2)\n    except BaseException:\n        pass\n',
    'except continue busy': 'x=0\nwhile True:\n    try:\n        x+=1\n    except:\n        continue\n',
    'nested funcs retry': 'import time\ndef f():\n    time.sleep(0.1)\ndef g():\n    while True:\n        try:\n            f()\n        except BaseException:\n            time.sleep(0.01)\ng()\n',
    'finally loop': 'import time\ntry:\n    time.sleep(9)\nfinally:\n    while True:\n        try:\n            time.sleep(0.1)\n        except BaseException: pass\n',
    'two-level swallow': 'import time\ndef g():\n    while True:\n        try:\n            time.sleep(0.05)\n        except BaseException:\n            time.sleep(0.001)\ndef h():\n    while True:\n        try:\n            g()\n        except BaseException:\n            pass\nh()\n',
    'four-level swallow': 'import time\ndef a():\n    while True:\n        try:\n            time.sleep(0.01)\n        except BaseException:\n            pass\ndef mk(f):\n    def w():\n        while True:\n            try:\n                f()\n            except BaseException:\n                pass\n    return w\nmk(mk(mk(a)))()\n',
    'stores the exception': 'import time\nerrs=[]\nwhile True:\n    try:\n        time.sleep(0.05)\n    except BaseException as e:\n        errs.append(e)\n',
    'stores, busy': 'errs=[]\nx=0\nwhile True:\n    try:\n        x+=1\n    except BaseException as e:\n        errs.append(e)\n',
    'suppress': 'import contextlib,time\nwhile True:\n    with contextlib.suppress(BaseException):\n        time.sleep(0.05)\n',
    'one-line loop': 'import time\ndef f():\n    try: time.sleep(0.02)\n    except BaseException: pass\nwhile True: f()\n',
    'generator swallow': 'import time\ndef gen():\n    while True:\n        try:\n            yield time.sleep(0.02)\n        except BaseException:\n            pass\nfor _ in gen(): pass\n',
    'queue.get swallow': 'import queue\nq=queue.Queue()\nwhile True:\n    try: q.get()\n    except BaseException: pass\n',
    'recursion retry': 'import time\ndef r(n):\n    try:\n        time.sleep(0.02)\n        r(n+1) if n<5 else None\n    except BaseException: pass\n    r(0)\ntry:\n    while True:\n        try: r(0)\n        except BaseException: pass\nexcept BaseException: raise\n',
    'user handler+ignore': "import signal,time\nwhile True:\n    try: time.sleep(0.05)\n    except KeyboardInterrupt: print('no',end='')\n",
    'handler that ignores': 'import signal\nsignal.signal(signal.SIGINT, lambda *a: None)\nwhile True: pass\n',
    'every signal ignored': 'import signal\nfor s in signal.valid_signals():\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass\n',
    'every signal blocked': 'import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\nwhile True: pass\n',
    'finalizers': 'class S:\n    def __del__(s):\n        try:\n            for i in range(10**6): pass\n        except BaseException: pass\nwhile True: S()\n',
    'async swallow': 'import asyncio\nasync def f():\n    while True:\n        try: await asyncio.sleep(0.02)\n        except BaseException: pass\nawait f()\n',
    'async shield': 'import asyncio\nasync def f():\n    while True:\n        try: await asyncio.shield(asyncio.sleep(9))\n        except BaseException: pass\nawait f()\n',
    'asyncio.run swallow': 'import asyncio\nasync def f():\n    while True:\n        try: await asyncio.sleep(0.02)\n        except BaseException: pass\nasyncio.run(f())\n',
    'input swallow': 'while True:\n    try: input()\n    except BaseException: pass\n',
    'own tracer': 'import sys\ndef t(f, e, a): return t\nsys.settrace(t)\ndef g():\n    while True:\n        try:\n            for i in range(99): pass\n        except BaseException: pass\ng()\n',
    'subprocess swallow': 'import subprocess\nwhile True:\n    try: subprocess.run(["sleep", "9"])\n    except BaseException: pass\n',
}
UNREACHABLE_ON_3_10 = {'except continue busy', 'stores, busy', 'input swallow'}


class Hostile(KernelTest):
    def test_every_one_ends(self) -> None:
        self.kernel.run('keep = 42')
        for name, code in HOSTILE.items():
            if VERSION[:2] == (3, 10) and name in UNREACHABLE_ON_3_10:
                continue  # there a tight loop whose body begins with `try:` never checks for signals
            with self.subTest(name):
                options = {'stdin': 'ask'} if 'input' in name else {}
                run = self.kernel.begun('print("ready")\n' + code, **options)
                result, count = self.kernel.stop(run, 1)
                self.interrupted(result)
                self.assertLessEqual(count, 2)
                self.kernel.run('import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n'
                                'signal.pthread_sigmask(signal.SIG_SETMASK, []); sys.settrace(None)\n'
                                'signal.signal(signal.SIGCHLD, signal.SIG_DFL)')
                self.assertEqual(self.kernel.value('keep'), '42')


if __name__ == '__main__':
    unittest.main()
