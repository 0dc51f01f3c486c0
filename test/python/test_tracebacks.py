"""Exceptions: from the live object, without frames of ours."""

import unittest

from kernel_harness import KERNEL, VERSION, KernelTest


class Tracebacks(KernelTest):
    def failure(self, code: str, **options: object) -> dict:
        result = self.kernel.run(code, **options)
        self.assertEqual(result.status, 'error', result)
        exception = result.exception
        self.assertNotIn(KERNEL, repr(exception))
        self.assertNotIn('session_kernel', repr(exception))
        return exception

    def test_functions_of_earlier_snippets_show_their_source(self) -> None:
        self.ok(self.kernel.run('def f(x):\n    return 1 / x  # here'))
        done = self.failure('\nf(0)')
        places = [(f['file'], f['line'], f['name']) for f in done['frames']]
        self.assertEqual(places, [('<snippet 2>', 2, '<module>'), ('<snippet 1>', 2, 'f')])
        self.assertEqual(done['frames'][1]['source'], '    return 1 / x  # here')
        self.assertEqual(done['line'], 2)
        self.assertIn('return 1 / x  # here', done['traceback'])

    def test_printed_tracebacks_have_source_too(self) -> None:
        text = self.kernel.run('import traceback\ntry: 1/0\nexcept Exception: traceback.print_exc()').text('stderr')
        self.assertIn('try: 1/0', text)
        self.assertIn('def f', self.kernel.run('def f(): pass\nimport inspect; get(inspect.getsource(f))').gets[0])

    @unittest.skipIf(VERSION < (3, 11), 'no columns before 3.11')
    def test_columns_are_characters(self) -> None:
        frame = self.failure('é = "é"; é + 1')['frames'][0]
        self.assertEqual((frame['column'], frame['endColumn']), (9, 14))
        frame = self.failure('(1 +\n None)')['frames'][0]
        self.assertEqual(frame['column'], 1)
        self.assertNotIn('endColumn', frame)

    def test_causes_contexts_and_notes(self) -> None:
        done = self.failure('try: 1/0\nexcept Exception as e: raise ValueError("outer") from e')
        self.assertEqual((done['type'], done['cause']['type']), ('ValueError', 'ZeroDivisionError'))
        self.assertIn('direct cause', done['traceback'])
        done = self.failure('try: 1/0\nexcept Exception as e: raise ValueError("outer") from None')
        self.assertNotIn('cause', done)
        done = self.failure('e = ValueError("x")\ne.__notes__ = ["a note"]\nraise e')
        self.assertEqual(done['notes'], ['a note'])

    @unittest.skipIf(VERSION < (3, 11), 'no groups before 3.11')
    def test_groups(self) -> None:
        code = 'def f(): 1/0\ntry: f()\nexcept Exception as e: raise ExceptionGroup("g", [e, KeyError(1)])'
        done = self.failure(code)
        self.assertIn('2 sub-exceptions', done['message'])
        self.assertIn('ZeroDivisionError', done['traceback'])

    def test_frames_of_ours_inside_are_cut(self) -> None:
        done = self.failure('class A:\n    def __str__(s): return 1/0\nget(A())')
        self.assertEqual([f['name'] for f in done['frames']], ['<module>', '__str__'])
        done = self.failure('class A:\n    def __str__(s): return 1/0\ninput(A())')
        self.assertEqual([f['name'] for f in done['frames']], ['<module>', '__str__'])
        done = self.failure('import asyncio\nasync def f(): 1/0\nawait f()')
        self.assertEqual([f['name'] for f in done['frames']], ['<module>', 'f'])

    def test_syntax_errors_have_no_frames(self) -> None:
        done = self.failure('a = 1\nb = = 2')
        self.assertEqual((done['type'], done['line'], done['column'], done['frames']), ('SyntaxError', 2, 4, []))
        self.assertNotIn('Traceback', done['traceback'])
        self.assertEqual(done['message'], 'invalid syntax (<snippet 1>, line 2)')

    def test_endless_tracebacks_keep_head_and_tail(self) -> None:
        done = self.failure('def a(n): return b(n + 1)\ndef b(n): return a(n + 1)\na(0)')
        self.assertEqual(done['type'], 'RecursionError')
        self.assertIn('frames left out', done['traceback'])
        self.assertLess(len(done['traceback']), 300_000)
        self.assertEqual(len(done['frames']), 200)
        self.assertEqual(done['frames'][0]['name'], '<module>')
        done = self.failure('def f(n): return f(n + 1)\ntry: f(0)\nexcept RecursionError as e: raise ValueError from e')
        self.assertIn('Previous line repeated', done['traceback'])
        self.assertIn('ValueError', done['traceback'])
        done = self.failure('raise ValueError("x" * 10**6 + "end")')
        self.assertTrue(done['message'].endswith('end'))
        self.assertLess(len(done['traceback']), 300_000)

    def test_long_chains(self) -> None:
        done = self.failure('e = None\nfor i in range(2000):\n    n = ValueError(i); n.__cause__ = e; e = n\nraise e')
        self.assertEqual(done['message'], '1999')

    def test_broken_exceptions(self) -> None:
        self.assertIn('failed', self.failure('class E(Exception):\n    def __str__(s): 1/0\nraise E')['message'])
        self.failure('class E(Exception):\n    def __getattribute__(s, n): raise KeyError(n)\nraise E')
        code = 'class E(Exception):\n    def __str__(s):\n        print("ready")\n        while 1: pass\nraise E'
        run = self.kernel.begun(code)
        done = self.kernel.stop(run)[0].exception
        self.assertEqual(done['type'], 'E')

    def test_last_exception_is_there_for_the_debugger(self) -> None:
        self.failure('1/0')
        self.assertEqual(self.kernel.value('import sys; sys.last_value'), "ZeroDivisionError('division by zero')")


if __name__ == '__main__':
    unittest.main()
