"""display(): rich forms by IPython's conventions."""

import unittest

from kernel_harness import KernelTest

PNG = b'\x89PNG\r\n\x1a\n'
RICH = """
import base64
png = %r
class Rich:
    def __repr__(self): return 'plain'
    def _repr_html_(self): return '<b>'
    def _repr_png_(self): return png, {'width': 3}
    def _repr_svg_(self): 1/0
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {'application/json': {'a': [1]}, 'image/jpeg': base64.b64encode(png).decode()}, {'more': True}
""" % PNG


class Display(KernelTest):
    def shown(self, code: str) -> list:
        result = self.ok(self.kernel.run(code))
        return [event for event in result.events if event['event'] == 'display']

    def test_anything_has_plain_text(self) -> None:
        event, other = self.shown('display([1, 2], "é")')
        self.assertEqual(event['data'], {'text/plain': '[1, 2]'})
        self.assertEqual(other['data'], {'text/plain': "'é'"})
        self.assertEqual(set(event), {'event', 'run', 'data'})

    def test_rich_objects(self) -> None:
        (event,) = self.shown(RICH + 'display(Rich())')
        expected = {'text/plain': 'plain', 'text/html': '<b>', 'image/png': PNG, 'image/jpeg': PNG}
        self.assertEqual(event['data'], {**expected, 'application/json': '{"a": [1]}'})
        self.assertEqual(event['metadata'], {'image/png': {'width': 3}, 'more': True})
        (event,) = self.shown('display(Rich)')
        self.assertEqual(list(event['data']), ['text/plain'])

    def test_raw_and_ref(self) -> None:
        (event,) = self.shown('display({"text/html": "<i>"}, raw=True, display_id="x", metadata={"a": object})')
        self.assertEqual((event['data'], event['ref']), ({'text/html': '<i>'}, 'x'))

    def test_it_keeps_the_order_of_the_calls(self) -> None:
        result = self.kernel.run('print("a", end=""); display(1); get(2); print("b")')
        self.assertEqual([e['event'] for e in result.events], ['stdout', 'display', 'get', 'stdout'])


if __name__ == '__main__':
    unittest.main()
