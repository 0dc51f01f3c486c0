"""`done` comes after all that was written, on whatever way."""

import unittest

from kernel_harness import Kernel, KernelTest, times

SETUP = 'import os, subprocess, sys, ctypes\nlibc = ctypes.CDLL(None)'


def snippet(i: int) -> str:
    if i % 20 == 0:
        return 'os.system("echo A%dA; echo B%dB >&2"); print("p")' % (i, i)
    if i % 20 == 1:
        return 'libc.printf(b"A%dA"); libc.dprintf(2, b"B%dB"); print("p")' % (i, i)
    count = 20000 if i % 7 == 0 else 1
    return 'os.write(1, b"A%dA" * %d); os.write(2, b"B%dB"); print("p")' % (i, count, i)


class Fence(KernelTest):
    def check_all(self, kernel: Kernel, count: int) -> int:
        self.ok(kernel.run(SETUP))
        fenced = 0
        for i in range(count):
            result = self.ok(kernel.run(snippet(i)))
            self.assertIn(b'A%dA' % i, result.raw[1])
            self.assertEqual(result.raw[2].strip(), b'B%dB' % i)
            self.assertEqual(result.text(), 'p\n')
            fenced += result.fenced
        return fenced

    def test_a_reader_that_keeps_up(self) -> None:
        self.check_all(self.kernel, times(300))

    def test_a_busy_reader(self) -> None:
        self.kernel.busy = True
        fenced = self.check_all(self.kernel, times(600))
        self.assertGreater(fenced, times(600) * 0.8)
        self.kernel.busy = False

    def test_without_output_there_is_no_marker(self) -> None:
        for _ in range(20):
            self.assertFalse(self.ok(self.kernel.run('print("x")')).fenced)

    def test_pipes_of_somebody_else_are_always_marked(self) -> None:
        kernel = Kernel(pipes=False)
        self.addCleanup(kernel.close)
        self.assertTrue(self.ok(kernel.run('x = 1')).fenced)
        self.assertEqual(self.check_all(kernel, 40), 40)

    def test_bytes_like_a_marker_do_no_harm(self) -> None:
        self.kernel.busy = True
        result = self.ok(self.kernel.run('import os; os.write(1, b"\\0F\\0F0123\\0")'))
        self.assertEqual(result.raw[1], b'\0F\0F0123\0')

    def test_descriptors_that_were_closed_or_replaced(self) -> None:
        code = (
            'import os\nfd = os.open(os.devnull, os.O_WRONLY)\nos.system("echo x")\n'
            'os.dup2(fd, 1); os.close(2); print("y")'
        )
        result = self.ok(self.kernel.run(code))
        self.assertEqual((result.raw[1], result.text()), (b'x\n', 'y\n'))
        self.ok(self.kernel.run('os.write(1, b"nowhere")'))


if __name__ == '__main__':
    unittest.main()
