"""Standard input: nothing, a text, or questions to the submitter."""

import unittest

from kernel_harness import KernelTest, Stuck


class Input(KernelTest):
    def asking(self, code: str, *answers: dict) -> object:
        """Run code that asks; give it the answers in turn."""
        left = list(answers)
        self.asked = []

        def on_event(event: dict) -> None:
            if event['event'] == 'input':
                self.asked.append((event['prompt'], event['password']))
                if left:
                    self.kernel.input(event['run'], **left.pop(0))

        self.kernel.on_event = on_event
        return self.kernel.run(code, stdin='ask', value='repr')

    def test_none_is_end_of_file(self) -> None:
        self.assertEqual(self.kernel.run('input("name? ")').exception['type'], 'EOFError')
        self.assertEqual(self.kernel.value('import sys; (sys.stdin.readline(), sys.stdin.read(), list(sys.stdin))'),
                         "('', '', [])")

    def test_a_text_is_read_and_then_ends(self) -> None:
        result = self.kernel.run('a = input("? "), input()\ninput()', stdin={'text': 'é\ntwo'})
        self.assertEqual(result.exception['type'], 'EOFError')
        self.assertEqual(result.text(), '? ')
        self.assertEqual(self.kernel.value('a'), "('é', 'two')")
        self.ok(self.kernel.run('input()', stdin={'text': 'one\nleft over\n'}))
        self.assertEqual(self.kernel.run('input()').exception['type'], 'EOFError')

    def test_questions_are_answered(self) -> None:
        result = self.asking('print("before", end=""); input("name? ") * 2', {'text': 'Bob'})
        self.assertEqual(result.value, "'BobBob'")
        self.assertEqual(self.asked, [('name? ', False)])
        self.assertEqual([e['event'] for e in result.events], ['stdout', 'input'])
        result = self.asking('import sys; (sys.stdin.readline(), sys.stdin.readline(), input())',
                             {'text': 'a\n'}, {'eof': True}, {'text': ''})
        self.assertEqual(result.value, "('a\\n', '', '')")
        self.assertEqual(self.asking('input()', {'eof': True}).exception['type'], 'EOFError')
        self.assertEqual(self.asking('len(input())', {'text': 'x' * 1_000_000}).value, '1000000')

    def test_passwords_are_marked(self) -> None:
        result = self.asking('import getpass; getpass.getpass()', {'text': 'secret'})
        self.assertEqual((result.value, self.asked), ("'secret'", [('Password: ', True)]))
        self.asking('getpass.getpass("x"); input("y")', {'text': 'secret'}, {'text': 'z'})
        self.assertEqual(self.asked, [('x', True), ('y', False)])

    def test_the_debugger_asks_too(self) -> None:
        result = self.asking('x = 5\nimport pdb; pdb.set_trace()\ny = 6', {'text': 'p x'}, {'text': 'c'})
        self.assertEqual(self.asked[0], ('(Pdb) ', False))
        self.assertIn('5\n', result.text())

    def test_a_stdin_of_the_users_is_used(self) -> None:
        code = 'import io, sys; old = sys.stdin; sys.stdin = io.StringIO("a\\n"); r = input("p"); sys.stdin = old; r'
        self.assertEqual(self.kernel.value(code), "'a'")

    def test_asked_and_interrupted_while_it_waits(self) -> None:
        run = self.kernel.start('input("x")', stdin='ask')
        self.kernel.until(lambda: self.kernel.results[run].events)
        for _ in range(50):
            self.assertIn('input("x")', self.kernel.request()['reply']['stack'])
        self.kernel.interrupt(run)
        self.interrupted(self.kernel.collect(run, 3))

    def test_a_caught_interrupt_goes_on(self) -> None:
        run = self.kernel.start('try: input()\nexcept KeyboardInterrupt: print("ready")\nwhile True: pass', stdin='ask')
        self.kernel.until(lambda: self.kernel.results[run].events)
        self.kernel.interrupt(run)
        self.kernel.until(lambda: self.kernel.results[run].text() == 'ready\n')
        self.assertEqual(self.kernel.stop(run)[1], 1)

    def test_the_users_signals_run_and_raise_while_it_waits(self) -> None:
        code = (
            'import signal\nn = 0\ndef count(*a):\n    global n\n    n += 1\n    if n == 4: print("ready")\n'
            'signal.signal(signal.SIGALRM, count); signal.setitimer(signal.ITIMER_REAL, .01, .01)\n'
            'try: r = input()\nfinally: signal.setitimer(signal.ITIMER_REAL, 0)\nr'
        )
        run = self.kernel.begun(code, stdin='ask', value='repr')
        self.kernel.input(run, text='late')
        self.assertEqual(self.kernel.collect(run).value, "'late'")
        code = (
            'class Late(Exception): pass\ndef fail(*a): raise Late\nsignal.signal(signal.SIGALRM, fail)\n'
            'signal.setitimer(signal.ITIMER_REAL, .05)\ninput()'
        )
        self.assertEqual(self.kernel.run(code, stdin='ask').exception['type'], 'Late')

    def test_other_threads_get_end_of_file(self) -> None:
        code = (
            'import threading\nr = []\ndef ask():\n    try: r.append(input())\n    except EOFError: r.append("eof")\n'
            't = threading.Thread(target=ask); t.start(); t.join(); r'
        )
        self.assertEqual(self.kernel.run(code, stdin='ask', value='repr').value, "['eof']")

    def test_an_answer_before_the_question_is_no_answer(self) -> None:
        run = self.kernel.begun('print("ready")\nimport time\nwhile True:\n    time.sleep(0.01)\n    break\ninput()',
                                stdin='ask')
        self.kernel.input(run, text='early')
        with self.assertRaises(Stuck):
            self.kernel.collect(run, 0.3)
        self.kernel.input(run, text='x')
        self.ok(self.kernel.collect(run))


if __name__ == '__main__':
    unittest.main()
