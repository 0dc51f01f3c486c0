"""What a snippet finds, and what comes of it."""

import os
import sys
import tempfile
import unittest

from kernel_harness import VERSION, Kernel, KernelTest

DEEP = {
    'terms': '1+' * 100_000 + '1',
    'a million terms': '1+' * 1_000_000 + '1',
    'attributes': 'a' + '.b' * 1_000_000,
    'parentheses': '(' * 10_000 + ')' * 10_000,
    'minus': '-' * 100_000 + '1',
    'elif': 'if a: pass\n' + 'elif a: pass\n' * 100_000,
}


class Namespace(KernelTest):
    def test_hello_tells_who_it_is(self) -> None:
        hello = self.kernel.hello
        self.assertEqual(hello['secret'], self.kernel.secret)
        self.assertEqual(hello['pid'], self.kernel.pid)
        self.assertEqual(hello['implementation'], 'CPython')
        self.assertEqual(hello['python'], '.'.join(map(str, VERSION)))
        self.assertEqual(hello['cwd'], os.getcwd())

    def test_state_lasts_and_get_gives_the_text(self) -> None:
        self.ok(self.kernel.run('x = 20'))
        self.assertEqual(self.kernel.run('get(x + 1); get("é\\n", None)').gets, ['21', 'é\n', 'None'])

    def test_main_holds_nothing_of_ours(self) -> None:
        names = self.kernel.value('sorted(n for n in dir() if not n.startswith("__"))')
        self.assertEqual(names, '[]')
        value = self.kernel.value('__name__, __import__("sys").argv, get.__name__')
        self.assertEqual(value, "('__main__', [''], 'get')")
        self.assertEqual(self.kernel.value('__import__("sys").path[0]'), "''")

    def test_the_server_is_told_which_names_are_there(self) -> None:
        self.ok(self.kernel.run('a, b, _c = 1, 2, 3'))
        self.kernel.request()
        self.assertEqual(self.kernel.names, {'a', 'b'})
        self.ok(self.kernel.run('del a'))
        self.kernel.request()
        self.assertEqual(self.kernel.names, {'b'})

    def test_classes_of_snippets_can_be_pickled_and_hints_resolved(self) -> None:
        self.ok(self.kernel.run('class A: pass\ndef f(a: "A"): pass'))
        code = 'import pickle, typing\npickle.loads(pickle.dumps(A)) is A, typing.get_type_hints(f)["a"] is A'
        self.assertEqual(self.kernel.value(code), '(True, True)')

    def test_get_comes_back_when_a_snippet_took_its_name(self) -> None:
        self.ok(self.kernel.run('get = 5\nimport builtins\nbuiltins.get = builtins.display = 6\nassert get == 5'))
        self.assertEqual(self.kernel.run('get(7)').gets, ['7'])

    def test_spoilt_builtins_do_not_break_the_kernel(self) -> None:
        code = 'import builtins\nold = builtins.len, builtins.getattr, builtins.isinstance\n'
        self.ok(self.kernel.run(code + 'builtins.len = builtins.getattr = builtins.isinstance = builtins.max = None'))
        self.assertEqual(self.kernel.run('1/0').exception['type'], 'ZeroDivisionError')
        self.ok(self.kernel.run('builtins.len, builtins.getattr, builtins.isinstance = old'))

    def test_modules_beside_the_code_are_not_run_by_us(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in ('json', 'traceback', 'linecache', 'asyncio', 'struct', 'signal', 'binascii', 'tokenize'):
                with open(os.path.join(folder, name + '.py'), 'w') as file:
                    file.write('print("mine", __name__)\n')
            kernel = Kernel(cwd=folder)
            self.addCleanup(kernel.close)
            self.assertEqual(kernel.run('await __import__("asyncio").sleep(0)').text(), '')
            self.assertIn('1/0', kernel.run('1/0').exception['traceback'])
            self.assertEqual(kernel.run('import json').text(), 'mine json\n')

    def test_no_pager_and_no_prompt(self) -> None:
        code = 'import os; [os.environ[n] for n in ("PAGER", "GIT_PAGER", "GIT_TERMINAL_PROMPT", "PIP_NO_INPUT")]'
        self.assertEqual(self.kernel.value(code), "['cat', 'cat', '0', '1']")

    def test_private_descriptors_survive_closerange(self) -> None:
        self.ok(self.kernel.run('import os; os.closerange(3, 300)'))

    def test_unknown_kinds_are_ignored(self) -> None:
        self.kernel.send(99, 0, b'what')
        self.kernel.send(8, 12345, b'')
        self.kernel.send(5, 12345, b'\x80')


class Options(KernelTest):
    def test_argv_and_arguments_last_as_long_as_their_run(self) -> None:
        options = {'value': 'repr', 'argv': ['a', 'b'], 'arguments': {'k': [1]}}
        result = self.kernel.run('import sys; (sys.argv, arguments)', **options)
        self.assertEqual(result.value, "(['a', 'b'], {'k': [1]})")
        self.assertEqual(self.kernel.value('sys.argv'), "['']")
        self.assertEqual(self.kernel.run('arguments').exception['type'], 'NameError')

    def test_a_selection_keeps_the_lines_of_its_file(self) -> None:
        with tempfile.NamedTemporaryFile('w', suffix='.py') as file:
            file.write('a = 1\nb = 2\nc = 3\n')
            file.flush()
            done = self.kernel.run('b = 1/0', name=file.name, line=2).exception
            self.assertEqual((done['line'], done['frames'][0]['file']), (2, file.name))
            self.assertIn('File "%s", line 2, in <module>\n    b = 1/0' % file.name, done['traceback'])
            self.assertEqual(self.kernel.value('import linecache; linecache.getline(%r, 3)' % file.name), "'c = 3\\n'")

    def test_an_indented_selection_runs_as_it_stands(self) -> None:
        code = '    # from the middle\n    if 1:\n        s = """\nleft\n"""\n    1/0\n'
        for line in (1, 2, 40):
            done = self.kernel.run(code, name='/some/file.py', line=line).exception
            self.assertEqual((done['type'], done['line']), ('ZeroDivisionError', line + 5))
        self.assertEqual(self.kernel.value('s'), "'\\nleft\\n'")
        done = self.kernel.run('    x = (\n', name='f.py', line=1).exception
        self.assertEqual((done['type'], done['line']), ('SyntaxError', 1))
        self.assertEqual(self.kernel.run('  if x:\n    y\nelse:\n  z').exception['type'], 'IndentationError')
        self.ok(self.kernel.run('  # a comment\nx = 1'))

    def test_values(self) -> None:
        def value(code: str, mode: str) -> dict:
            return self.ok(self.kernel.run(code, value=mode)).done.get('value')

        self.assertEqual(value('x = 3\nx * 2', 'repr'), {'type': 'int', 'repr': '6'})
        self.assertIsNone(value('None', 'repr'))
        self.assertIsNone(value('x = 3', 'repr'))
        self.assertEqual(value('None', 'data'), {'type': 'NoneType', 'repr': 'None', 'data': None})
        data = value('import datetime\n[1, 2.5, "é", b"\\0", {"a": (None, True)}, datetime.date(2020, 1, 2)]', 'data')
        self.assertEqual(data['data'], [1, 2.5, 'é', b'\0', {'a': [None, True]}, '2020-01-02'])
        self.assertNotIn('data', value('object()', 'data'))
        self.assertEqual(value('[{1: 2}]', 'data')['data'], [{'$type': 'dict', '$repr': '{1: 2}'}])
        self.assertNotIn('data', value('x = []; x.append(x); x', 'data'))
        self.assertNotIn('data', value('1 << 99', 'data'))

    def test_underscore_is_the_last_value_unless_the_user_owns_it(self) -> None:
        self.kernel.run('6 * 7', value='repr')
        self.assertEqual(self.kernel.value('_ + 1'), '43')
        self.kernel.run('_ = "mine"')
        self.kernel.run('6 * 7', value='repr')
        self.assertEqual(self.kernel.value('_'), "'mine'")

    def test_reprs_are_bounded_and_broken_ones_have_a_placeholder(self) -> None:
        self.assertLess(len(self.kernel.value('list(range(10**6))')), 100_000)
        self.assertLess(len(self.kernel.value('"x" * 10**8')), 100_000)
        self.assertLess(len(self.kernel.value('x = [1]\nfor _ in range(60): x = [x, x]\nx')), 100_000)
        self.assertIn('left out', self.kernel.value('class A:\n    def __repr__(s): return "y" * 10**6\nA()'))
        self.assertIn('raised ZeroDiv', self.kernel.value('class A:\n    def __repr__(s): return 1/0\nA()'))
        self.assertIn('raised TypeError', self.kernel.value('class A:\n    def __repr__(s): return 5\nA()'))
        self.assertIn('took longer', self.kernel.value('class A:\n    def __repr__(s):\n        while 1: pass\n[A()]'))
        self.ok(self.kernel.run('[__import__("sys").exit]', value='repr'))


class Compiling(KernelTest):
    def test_future_flags_stick(self) -> None:
        self.ok(self.kernel.run('from __future__ import annotations'))
        self.ok(self.kernel.run('def f(x: nowhere): pass'))
        self.ok(self.kernel.run('def f(x: nowhere): pass\n1', value='repr'))

    def test_a_repeated_snippet_keeps_its_source(self) -> None:
        for _ in range(3):
            done = self.kernel.run('def f():\n    return 1/0\nf()').exception
            self.assertIn('    return 1/0', done['traceback'])
            self.assertEqual(done['line'], 2)

    def test_text_that_cannot_be_compiled_is_an_error_with_a_line(self) -> None:
        for code in ('x = 1\ny = (', 'x = 1\ny = "\0"', 'x = 1\ny = "\ud800"', 'x = 1\n  y = 2'):
            with self.subTest(code):
                done = self.kernel.run(code).exception
                self.assertIn(done['type'], ('SyntaxError', 'IndentationError'), done)
                self.assertEqual(done['line'], 2, done)
                self.assertEqual(done['frames'], [])
        result = self.kernel.run('')
        self.assertEqual(result.status, 'ok')

    def test_endless_nesting_is_no_death(self) -> None:
        for name, code in DEEP.items():
            with self.subTest(name):
                result = self.kernel.run(code, 60, value='repr')
                self.assertIn(result.exception.get('type'), (None, 'SyntaxError', 'NameError'), name)
        self.assertIn(self.kernel.run(DEEP['terms']).status, ('ok', 'error'))

    def test_syntax_warnings_go_to_stderr(self) -> None:
        self.assertIn('SyntaxWarning', self.kernel.run('1 is 1').text('stderr'))


class Ends(KernelTest):
    def test_exit_ends_the_run_only(self) -> None:
        for code, expected in (
            ('raise SystemExit', None),
            ('exit()', None),
            ('quit(2)', 2),
            ('import sys; sys.exit("why")', 'why'),
            ('sys.exit(True)', 1),
            ('sys.exit([1])', '[1]'),
        ):
            result = self.kernel.run(code)
            self.assertEqual((result.status, result.done['code']), ('exit', expected), code)
            self.assertTrue(result.done['kept'])
        self.assertEqual(self.kernel.run('input()', stdin={'text': 'still\n'}, value='repr').value, "'still'")

    def test_a_keyboard_interrupt_of_the_users_own_is_an_error(self) -> None:
        self.assertEqual(self.kernel.run('raise KeyboardInterrupt').status, 'error')

    def test_done_has_its_keys_in_order(self) -> None:
        result = self.kernel.run('1/0')
        names = ['event', 'run', 'status', 'ms', 'kept', 'outputComplete', 'exception']
        self.assertEqual(list(result.done), names)
        self.assertIs(result.done['outputComplete'], True)


if __name__ == '__main__':
    unittest.main()
