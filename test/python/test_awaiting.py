"""Top-level await, background tasks, and interrupts in asyncio."""

import random
import time
import unittest

from kernel_harness import KernelTest, times

SPIN = 'import asyncio\nasync def spin():\n    print("ready")\n    for i in range(10**9): await asyncio.sleep(0)\n'
BACKGROUND = (
    'import asyncio\nticks = 0\nasync def tick():\n    global ticks\n    while True:\n'
    '        await asyncio.sleep(0.005); ticks += 1\nawait asyncio.sleep(0)\ntask = asyncio.ensure_future(tick())'
)
STILL_TICKING = 'before = ticks\nawait asyncio.sleep(0.06)\nticks - before > 3 and not task.done()'


class Awaiting(KernelTest):
    def test_top_level_await_for_and_with(self) -> None:
        self.assertEqual(self.kernel.value('import asyncio\nawait asyncio.sleep(0, 5)'), '5')
        code = (
            'async def g():\n    yield 1\n    yield 2\nl = []\n'
            'async for x in g(): l.append(x)\nl + [y async for y in g()]'
        )
        self.assertEqual(self.kernel.value(code), '[1, 2, 1, 2]')
        self.assertEqual(self.kernel.value('async def f(): return 7\nasyncio.run(f())'), '7')

    def test_background_tasks_live_on_between_runs_that_await(self) -> None:
        self.ok(self.kernel.run(BACKGROUND))
        self.assertEqual(self.kernel.value(STILL_TICKING), 'True')

    def test_output_of_an_earlier_runs_task_is_nobodys(self) -> None:
        code = (
            'import asyncio\nasync def late():\n    await asyncio.sleep(0.01); print("late")\n'
            'print("now"); task = asyncio.ensure_future(late()); await asyncio.sleep(0)'
        )
        self.assertEqual(self.ok(self.kernel.run(code)).text(), 'now\n')
        self.assertEqual(self.ok(self.kernel.run('print("a", end=""); await task; print("b")')).text(), 'ab\n')
        self.assertEqual(self.kernel.session.text(), 'late\n')

    def test_interrupt_of_await_leaves_background_tasks_alone(self) -> None:
        self.ok(self.kernel.run(BACKGROUND))
        for _ in range(3):
            run = self.kernel.begun('print("ready")\nawait asyncio.sleep(100)')
            self.kernel.interrupt(run)
            done = self.interrupted(self.kernel.collect(run, 3), 'interrupt')
            self.assertEqual(done.exception['type'], 'KeyboardInterrupt')
        self.assertEqual(self.kernel.value(STILL_TICKING), 'True')

    def test_busy_coroutines(self) -> None:
        for code in (
            'async def f():\n    print("ready")\n    while True: pass\nawait f()',
            'import asyncio\nasync def f():\n    print("ready")\n    while True: pass\n'
            'await asyncio.gather(asyncio.sleep(50), f())',
            'import asyncio\nasync def f():\n    print("ready")\n    while True: pass\nasyncio.run(f())',
            'import asyncio\nprint("ready")\nasyncio.run(asyncio.sleep(100))',
            'import asyncio\nprint("ready")\nasyncio.new_event_loop().run_until_complete(asyncio.sleep(100))',
            'import asyncio\nprint("ready")\nasyncio.new_event_loop().run_forever()',
        ):
            with self.subTest(code):
                run = self.kernel.begun(code)
                self.kernel.interrupt(run)
                self.interrupted(self.kernel.collect(run, 3), 'interrupt')
        self.assertEqual(self.kernel.value('await asyncio.sleep(0.01)\n5'), '5')

    def test_cleaning_up_is_not_cut_short(self) -> None:
        code = (
            'import asyncio\nasync def f():\n    try:\n        print("ready"); await asyncio.sleep(99)\n'
            '    finally:\n        await asyncio.sleep(0.1); get("clean")\n'
        )
        for end in 'await f()', 'asyncio.run(f())':
            run = self.kernel.begun(code + end)
            self.kernel.interrupt(run)
            self.assertEqual(self.interrupted(self.kernel.collect(run, 3)).gets, ['clean'])

    def test_spinning_asyncio_run(self) -> None:
        for _ in range(times(30)):
            run = self.kernel.begun(SPIN + 'asyncio.run(spin())')
            time.sleep(random.random() * 0.002)
            self.kernel.interrupt(run)
            self.interrupted(self.kernel.collect(run, 3))

    def test_spinning_await(self) -> None:
        self.ok(self.kernel.run(BACKGROUND))
        for _ in range(times(30)):
            run = self.kernel.begun(SPIN + 'await spin()')
            time.sleep(random.random() * 0.002)
            self.kernel.interrupt(run)
            self.interrupted(self.kernel.collect(run, 3))
        self.assertEqual(self.kernel.value(STILL_TICKING), 'True')

    def test_asked_while_spinning(self) -> None:
        run = self.kernel.begun(SPIN + 'asyncio.run(spin())')
        for _ in range(times(200)):
            self.assertIn('reply', self.kernel.request())
        self.kernel.interrupt(run)
        self.interrupted(self.kernel.collect(run, 3))

    def test_signal_handlers_of_a_loop(self) -> None:
        code = (
            'import asyncio, signal, os\nasync def main(number):\n    loop = asyncio.get_running_loop()\n'
            '    future = loop.create_future()\n    loop.add_signal_handler(number, future.set_result, 9)\n'
            '    print("ready")\n    number == signal.SIGUSR1 and os.kill(os.getpid(), number)\n'
            '    result = await asyncio.wait_for(future, 5); loop.remove_signal_handler(number); return result\n'
        )
        self.assertEqual(self.kernel.value(code + 'asyncio.run(main(signal.SIGUSR1))'), '9')
        run = self.kernel.begun(code + 'asyncio.run(main(signal.SIGINT))', value='repr')
        self.kernel.interrupt(run)
        self.assertEqual(self.ok(self.kernel.collect(run)).value, '9')


if __name__ == '__main__':
    unittest.main()
