"""Loops that swallow every exception end by the second interrupt, and the namespace is kept."""

import unittest

from kernel_harness import VERSION, KernelTest

HOSTILE = {
    'bare except sleep': '''
import time
while True:
    try:
        time.sleep(0.2)
    except BaseException:
        pass
''',
    'except continue busy': '''
x=0
while True:
    try:
        x+=1
    except:
        continue
''',
    'nested funcs retry': '''
import time
def f():
    time.sleep(0.1)
def g():
    while True:
        try:
            f()
        except BaseException:
            time.sleep(0.01)
g()
''',
    'finally loop': '''
import time
try:
    time.sleep(9)
finally:
    while True:
        try:
            time.sleep(0.1)
        except BaseException: pass
''',
    'two-level swallow': '''
import time
def g():
    while True:
        try:
            time.sleep(0.05)
        except BaseException:
            time.sleep(0.001)
def h():
    while True:
        try:
            g()
        except BaseException:
            pass
h()
''',
    'four-level swallow': '''
import time
def a():
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass
def mk(f):
    def w():
        while True:
            try:
                f()
            except BaseException:
                pass
    return w
mk(mk(mk(a)))()
''',
    'stores the exception': '''
import time
errs=[]
while True:
    try:
        time.sleep(0.05)
    except BaseException as e:
        errs.append(e)
''',
    'stores, busy': '''
errs=[]
x=0
while True:
    try:
        x+=1
    except BaseException as e:
        errs.append(e)
''',
    'suppress': '''
import contextlib,time
while True:
    with contextlib.suppress(BaseException):
        time.sleep(0.05)
''',
    'one-line loop': '''
import time
def f():
    try: time.sleep(0.02)
    except BaseException: pass
while True: f()
''',
    'generator swallow': '''
import time
def gen():
    while True:
        try:
            yield time.sleep(0.02)
        except BaseException:
            pass
for _ in gen(): pass
''',
    'queue.get swallow': '''
import queue
q=queue.Queue()
while True:
    try: q.get()
    except BaseException: pass
''',
    'recursion retry': '''
import time
def r(n):
    try:
        time.sleep(0.02)
        r(n+1) if n<5 else None
    except BaseException: pass
    r(0)
try:
    while True:
        try: r(0)
        except BaseException: pass
except BaseException: raise
''',
    'user handler+ignore': '''
import signal,time
while True:
    try: time.sleep(0.05)
    except KeyboardInterrupt: print('no',end='')
''',
    'handler that ignores': '''
import signal
signal.signal(signal.SIGINT, lambda *a: None)
while True: pass
''',
    'every signal ignored': '''
import signal
for s in signal.valid_signals():
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
''',
    'every signal blocked': '''
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True: pass
''',
    'finalizers': '''
class S:
    def __del__(s):
        try:
            for i in range(10**6): pass
        except BaseException: pass
while True: S()
''',
    'async swallow': '''
import asyncio
async def f():
    while True:
        try: await asyncio.sleep(0.02)
        except BaseException: pass
await f()
''',
    'async shield': '''
import asyncio
async def f():
    while True:
        try: await asyncio.shield(asyncio.sleep(9))
        except BaseException: pass
await f()
''',
    'asyncio.run swallow': '''
import asyncio
async def f():
    while True:
        try: await asyncio.sleep(0.02)
        except BaseException: pass
asyncio.run(f())
''',
    'input swallow': '''
while True:
    try: input()
    except BaseException: pass
''',
    'own tracer': '''
import sys
def t(f, e, a): return t
sys.settrace(t)
def g():
    while True:
        try:
            for i in range(99): pass
        except BaseException: pass
g()
''',
    'subprocess swallow': '''
import subprocess
while True:
    try: subprocess.run(["sleep", "9"])
    except BaseException: pass
''',
}
CLEAN_UP = '''
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
sys.settrace(None)
'''
UNREACHABLE_ON_3_10 = {'except continue busy', 'stores, busy'}


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
                self.ok(self.kernel.run(CLEAN_UP))
                self.assertEqual(self.kernel.value('keep'), '42')


if __name__ == '__main__':
    unittest.main()
