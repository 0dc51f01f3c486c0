"""The kernel's own MessagePack: what is used, strictly."""

import unittest

from kernel_harness import wire

GOLDEN = [
    (None, 'c0'),
    (True, 'c3'),
    (False, 'c2'),
    (0, '00'),
    (127, '7f'),
    (128, 'cc80'),
    (255, 'ccff'),
    (256, 'cd0100'),
    (65536, 'ce00010000'),
    (1 << 32, 'cf0000000100000000'),
    ((1 << 64) - 1, 'cfffffffffffffffff'),
    (-1, 'ff'),
    (-32, 'e0'),
    (-33, 'd0df'),
    (-129, 'd1ff7f'),
    (-32769, 'd2ffff7fff'),
    (-(1 << 63), 'd38000000000000000'),
    (1.5, 'cb3ff8000000000000'),
    ('', 'a0'),
    ('é', 'a2c3a9'),
    ('a' * 32, 'd920' + '61' * 32),
    ('a' * 256, 'da0100' + '61' * 256),
    (b'\x00\xff', 'c40200ff'),
    (b'a' * 256, 'c50100' + '61' * 256),
    ([], '90'),
    ([1, 'x'], '9201a178'),
    (list(range(16)), 'dc0010' + ''.join('%02x' % n for n in range(16))),
    ({'a': 1, 'b': [None]}, '82a16101a16291c0'),
]
BAD = {
    'nothing': '',
    'trailing bytes': '0000',
    'truncated text': 'a561',
    'truncated map': '81a161',
    'extension': 'd40100',
    'never used tag': 'c1',
    'number as key': '810101',
    'key twice': '82a16101a16102',
    'not UTF-8': 'a1ff',
    'depth': '91' * 65 + '00',
    'a count that lies': 'ddffffffff',
}


class MessagePack(unittest.TestCase):
    def test_writes_the_shortest_form(self) -> None:
        for value, data in GOLDEN:
            self.assertEqual(wire.pack(value).hex(), data, value)

    def test_reads_what_it_writes(self) -> None:
        for value, data in GOLDEN:
            self.assertEqual(wire.unpack(bytes.fromhex(data)), value)

    def test_reads_the_long_forms_of_others(self) -> None:
        for data, value in (('d90161', 'a'), ('da000161', 'a'), ('db0000000161', 'a'), ('c60000000161', b'a')):
            self.assertEqual(wire.unpack(bytes.fromhex(data)), value)
        for data, value in (('dd0000000101', [1]), ('df00000001a16101', {'a': 1}), ('ca3f800000', 1.0)):
            self.assertEqual(wire.unpack(bytes.fromhex(data)), value)

    def test_refuses_everything_else(self) -> None:
        for name, data in BAD.items():
            with self.subTest(name), self.assertRaises(ValueError):
                wire.unpack(bytes.fromhex(data))

    def test_refuses_to_write_what_it_cannot(self) -> None:
        deep = []
        for _ in range(70):
            deep = [deep]
        for value in (1 << 64, -(1 << 63) - 1, object(), {1: 2}, deep):
            with self.assertRaises(ValueError):
                wire.pack(value)

    def test_lone_surrogates_become_escapes(self) -> None:
        self.assertEqual(wire.unpack(wire.pack('a\ud800')), 'a\\ud800')


if __name__ == '__main__':
    unittest.main()
