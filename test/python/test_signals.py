"""The user's own signals, and what users do to ours."""

import unittest

from kernel_harness import KernelTest, times


class Signals(KernelTest):
    def stops(self, code: str) -> None:
        run = self.kernel.begun('import signal, os\n' + code + '\nprint("ready")\nwhile True: pass')
        self.assertIn('reply', self.kernel.request())
        self.kernel.interrupt(run)
        self.interrupted(self.kernel.collect(run, 3))

    def test_ours_can_be_neither_blocked_nor_taken(self) -> None:
        self.stops('signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())')
        self.ok(self.kernel.run('signal.pthread_sigmask(signal.SIG_SETMASK, [])'))
        self.stops(
            'f = lambda *a: None\nassert signal.signal(signal.SIGURG, f) == signal.SIG_DFL\n'
            'assert signal.getsignal(signal.SIGURG) is f\n'
            'assert signal.signal(signal.SIGURG, signal.SIG_IGN) is f'
        )
        self.stops('signal.signal(signal.SIGIO, lambda *a: None)')

    def test_handlers_behave_as_ever(self) -> None:
        code = (
            'import signal\nf = lambda *a: got.append(a[0])\ngot = []\n'
            'assert signal.signal(signal.SIGUSR1, f) == signal.SIG_DFL\n'
            'assert signal.signal(signal.SIGUSR1, f) is f\nassert signal.getsignal(signal.SIGUSR1) is f\n'
            'signal.raise_signal(signal.SIGUSR1)\nassert got == [signal.SIGUSR1]\n'
            'assert signal.signal(signal.SIGUSR1, signal.SIG_DFL) is f\n'
            'assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL\n'
            'assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n'
            'try: signal.signal(9999, f)\nexcept ValueError: pass\n'
            'try: signal.signal(signal.SIGKILL, f)\nexcept OSError: pass\n'
            'import threading\ndef t():\n    try: signal.signal(signal.SIGUSR2, f)\n'
            '    except ValueError as e: got.append(str(e))\n'
            't = threading.Thread(target=t); t.start(); t.join()\nassert "main thread" in got[1]\n'
        )
        self.ok(self.kernel.run(code))

    def test_nothing_is_inherited(self) -> None:
        code = 'import signal; [s for s in range(1, 32) if s not in (9, 19) and signal.getsignal(s) == signal.SIG_IGN]'
        self.assertEqual(self.kernel.value(code), '[13, 25]')

    def test_a_wakeup_fd(self) -> None:
        self.stops('r, w = os.pipe(); os.set_blocking(w, False); signal.set_wakeup_fd(w)')
        self.ok(self.kernel.run('signal.set_wakeup_fd(-1)'))

    def test_a_real_sigint(self) -> None:
        self.interrupted(self.kernel.run('import os; os.kill(os.getpid(), 2)\nwhile True: pass'))
        self.interrupted(self.kernel.run('import signal; signal.raise_signal(2)\nwhile True: pass'))
        self.interrupted(self.kernel.run('import _thread; _thread.interrupt_main()\nwhile True: pass'))
        code = 'try: os.kill(os.getpid(), 2); [0 for i in range(9**6)]\nexcept KeyboardInterrupt: get(1)'
        self.assertEqual(self.kernel.run(code).gets, ['1'])

    def test_handlers_that_raise_never_tear_output(self) -> None:
        code = (
            'import signal, time\nclass Late(Exception): pass\ncaught = i = 0\ndef fail(*a): raise Late\n'
            'signal.signal(signal.SIGALRM, fail); signal.setitimer(signal.ITIMER_REAL, .0003, .0003)\n'
            'try:\n    end = time.time() + 0.3\n    while time.time() < end:\n        try:\n'
            '            print("<%d>" % i, "z" * (i % 3000)); get(i); i += 1\n        except Late: caught += 1\n'
            'except Late: caught += 1\nfinally:\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n'
            '    signal.setitimer(signal.ITIMER_REAL, 0)\n'
        )
        caught = 0
        for _ in range(200):  # `except Late` may be hit itself, which ends the snippet
            run = self.kernel.start(code)
            while not self.kernel.results[run].done:
                self.kernel.request()
            result = self.kernel.collect(run)
            self.assertEqual(result.exception.get('type', 'Late'), 'Late')
            for line in result.text().splitlines():
                self.assertRegex(line, r'^(<\d+> ?z*)+$')
            numbers = list(map(int, result.gets))
            self.assertEqual(numbers, sorted(numbers))
            while self.kernel.run('signal.signal(signal.SIGALRM, signal.SIG_IGN)').status != 'ok':
                pass  # its last `finally` was hit, too
            caught += int(self.kernel.value('caught'))
            if caught > times(400):
                break
        else:
            self.fail('only %d were caught' % caught)

    def test_a_timer_that_outlives_its_run_is_handled_in_the_next(self) -> None:
        code = 'import signal, time\nseen = []\nsignal.signal(signal.SIGALRM, lambda *a: seen.append(1))\n'
        self.ok(self.kernel.run(code + 'signal.setitimer(signal.ITIMER_REAL, 0.02)'))
        self.ok(self.kernel.run('while not seen: time.sleep(0.001)'))

    def test_a_tracer_of_the_users_is_given_back_after_force(self) -> None:
        code = 'import sys\ndef t(*a): return None\nsys.settrace(t)\nprint("ready")\n'
        code += 'while True:\n    try:\n        while True: pass\n    except BaseException: pass'
        run = self.kernel.begun(code)
        self.kernel.interrupt(run, level=2)
        self.interrupted(self.kernel.collect(run, 5), 'forced')
        self.assertEqual(self.kernel.value('r = sys.gettrace() is t; sys.settrace(None); r'), 'True')


if __name__ == '__main__':
    unittest.main()
