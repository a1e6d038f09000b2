#!/usr/bin/env python3
"""Tests training by the command on Fashion-MNIST: its results, interrupts, progress on a terminal.

Skipped where Fashion-MNIST is not installed.

usage: command_train_test.py WEFT [arguments of unittest...]
"""
import fcntl
import gzip
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from command_case import Case, DATA, LAST_LINE, PATIENCE, TEMP, WEFT, environment, run


@unittest.skipUnless(DATA.exists(), f'{DATA} is not there')
class Train(Case):
    def copy(self, name, change):
        """A folder with the data set, where change() was applied to the bytes of one file."""
        path = pathlib.Path(tempfile.mkdtemp(dir=TEMP))
        for file in DATA.iterdir():
            (path / file.name).symlink_to(file)
        whole = (path / name).read_bytes()
        (path / name).unlink()
        (path / name).write_bytes(change(whole))
        return str(path)

    def test_a_missing_folder(self):
        self.assert_fails(run('train', '--data', '/nonexistent'), 1, '/nonexistent:')
        self.assert_fails(run('train', '--data', str(TEMP)), 1, 'train-images')

    def test_cut_files(self):
        for name in ('train-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'):
            for keep in (0, 5, 0.5):
                with self.subTest(name=name, keep=keep):
                    folder = self.copy(name, lambda b: b[:int(len(b) * keep) if keep < 1 else keep])
                    self.assert_fails(run('train', '--data', folder), 1, name)

    def test_a_label_beyond_the_classes(self):
        def change(packed):
            return gzip.compress(gzip.decompress(packed)[:8] + bytes([11]) * 60000, 1)
        folder = self.copy('train-labels-idx1-ubyte.gz', change)
        self.assert_fails(run('train', '--data', folder, '--classes', '10'), 1, 'row 0 is 11',
                          '--classes')
        self.assert_works(run('train', '--data', folder, '--classes', '12', '--steps', '3'))

    def test_a_device_that_is_not_there(self):
        self.assert_fails(run('train', '--device', 'nonesuch'), 1, 'nonesuch')
        self.assert_fails(run('train', WEFT_DEVICE='nonesuch'), 1, 'nonesuch')

    def test_layers_larger_than_the_device(self):
        self.assert_fails(run('train', '--hidden', '2147483647'), 1, 'fc1')

    def test_thirty_steps(self):
        args = ['train', '--epochs', '1', '--epochs', '2', '--steps', '30', '--hidden', '32,16']
        first = run(*args)
        self.assert_works(first)
        self.assertRegex(first.stderr, r'^training on .+: 25818 parameters, 60000 rows; '
                                       r'classification, 10 classes \(otherwise: --task regress\)\n')
        lines = first.stdout.splitlines()
        self.assertRegex(lines[0],
                         r'^epoch 1/2: loss \d\.\d{4}, test accuracy \d\.\d{4}, \d+ rows/s$')
        self.assertTrue(LAST_LINE.fullmatch(lines[-1]), lines[-1])
        self.assertNotRegex(first.stdout + first.stderr, r'[\x00-\x09\x0b-\x1f\x7f]')
        self.assertEqual(run(*args).stdout.splitlines()[-1], lines[-1])
        self.assertNotEqual(run(*args, '--seed', '1').stdout.splitlines()[-1], lines[-1])

    def test_sgd_with_momentum(self):
        result = run('train', '--optimizer', 'sgd', '--momentum', '0.9', '--steps', '300')
        self.assert_works(result)
        self.assertGreater(float(result.stdout.split()[-1]), 0.6)

    def test_profile_and_trace(self):
        trace = TEMP / 'trace.json'
        result = run('train', '--steps', '2', '--profile', '--trace', str(trace))
        self.assert_works(result)
        self.assertRegex(result.stderr, r'\nmatmul_\w+ +matmul +\d+ ')
        host = dict(re.findall(r'^([a-z ]+?) +(\d+\.\d{4}) +\d+\.\d%$', result.stderr, re.M))
        parts = ['reading data', 'recording', 'planning', 'compiling kernels', 'launching',
                 'waiting for the device', 'other']
        self.assertEqual(list(host), parts + ['all', 'of it the device computes'])
        self.assertTrue(all(float(host[part]) > 0 for part in ('recording', 'planning', 'launching')))
        self.assertAlmostEqual(sum(float(host[part]) for part in parts), float(host['all']),
                               delta=0.05 * float(host['all']))
        self.assertTrue(json.loads(trace.read_text())['traceEvents'])
        result = run('train', '--steps', '2', '--trace', '/nonexistent/trace.json')
        self.assert_fails(result, 1, '/nonexistent/trace.json')

    def test_a_full_disk_ends_it(self):
        with open('/dev/full', 'w') as full:
            result = run('train', '--steps', '2', stdout=full)
        self.assert_fails(result, 1, 'standard output')

    def test_caches_that_do_not_work(self):
        args = ['train', '--steps', '1']
        expected = run(*args).stdout.splitlines()[-1]
        (TEMP / 'file').write_text('no folder')
        for cache in ('', str(TEMP / 'file' / 'below')):
            result = run(*args, WEFT_CACHE=cache)
            self.assert_works(result)
            self.assertEqual(result.stdout.splitlines()[-1], expected)

    def test_a_damaged_cache_is_rebuilt_silently(self):
        folder = TEMP / 'damaged'
        args = ['train', '--steps', '1']
        expected = run(*args, WEFT_CACHE=str(folder)).stdout.splitlines()[-1]
        for n, file in enumerate(sorted(folder.glob('**/*.krn'))):
            with open(file, 'r+b') as f:
                f.truncate(n * 100 % file.stat().st_size)
        result = run(*args, WEFT_CACHE=str(folder))
        self.assertEqual(result.stdout.splitlines()[-1], expected)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_two_processes_fill_one_cache(self):
        command = [WEFT, 'train', '--steps', '1']
        env = environment(WEFT_CACHE=str(TEMP / 'shared'))
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=env) for _ in range(2)]
        results = [process.communicate(timeout=60 * PATIENCE) for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], results)
        self.assertEqual(*[out.splitlines()[-1] for out, _ in results])

    def test_images(self):
        model = str(TEMP / 'images.safetensors')
        result = run('train', '--steps', '300', '--hidden', '32', '--save', model)
        self.assert_works(result)
        accuracy = result.stdout.split()[-1]
        self.assertIn(f'accuracy {accuracy}\n', run('eval', model).stdout)
        self.assertNotIn(f'accuracy {accuracy}\n', run('eval', model, '--split', 'train').stdout)
        all_of_them = run('predict', model, '--data', str(DATA)).stdout
        self.assertEqual(len(all_of_them.splitlines()), 10000)
        images = str(DATA / 't10k-images-idx3-ubyte.gz')
        self.assertEqual(run('predict', model, '--data', images).stdout, all_of_them)
        labels = str(DATA / 't10k-labels-idx1-ubyte.gz')
        self.assert_fails(run('predict', model, '--data', labels), 1, labels, '[1,28,28]')

    def test_the_second_interrupt_ends_it_at_once(self):
        args = [WEFT, 'train', '--batch', '30000', '--hidden', '2048,2048', '--verbose']
        with subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env=environment()) as process:
            while not process.stderr.readline().startswith('training on '):
                pass
            for wait in 0.5, 0.2: # the first step has begun, and takes seconds
                time.sleep(wait)
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=20 * PATIENCE)
        self.assertEqual(process.returncode, -signal.SIGINT)

    def test_interrupt(self):
        with subprocess.Popen([WEFT, 'train', '--epochs', '100000'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=environment()) as process:
            self.assertIn('epoch 1/', process.stdout.readline())
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20 * PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertRegex(errors.splitlines()[-1],
                         r'^weft: train: stopped after step \d+ of \d+, in epoch \d+ of 100000$')


def watch(args, columns, **changes):
    """Runs the command on a terminal; returns the exit code and what it wrote."""
    pid, terminal = pty.fork()
    if not pid:
        time.sleep(0.1)  # the terminal gets its size
        os.execve(WEFT, [WEFT, *args], environment(**changes))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    text, end = b'', time.monotonic() + 60
    while time.monotonic() < end and select.select([terminal], [], [], 30)[0]:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux says so at the end
            break
        if not chunk:
            break
        text += chunk
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()


@unittest.skipUnless(DATA.exists(), f'{DATA} is not there')
class Terminal(Case):
    ARGS = ['train', '--steps', '200']

    def test_a_bar(self):
        for columns in (120, 80, 40, 12):
            with self.subTest(columns=columns):
                code, text = watch(self.ARGS, columns, TERM='xterm')
                self.assertEqual(code, 0, text)
                bars = [x for x in re.split(r'[\r\n]+', text) if x.startswith('epoch 1/5 ')]
                self.assertGreater(len(bars), 1, text)
                self.assertLess(max(map(len, bars)), columns)
                if columns >= 80:
                    self.assertRegex(bars[-1], r'\[=+>? *\] \d+/938  loss .* rows/s  \d+:\d\d left')
                self.assertNotIn('\x1b', text)
                self.assertTrue(LAST_LINE.fullmatch(text.splitlines()[-1]), text)

    def test_a_dumb_terminal_gets_lines(self):
        code, text = watch(self.ARGS, 80, TERM='dumb')
        self.assertEqual(code, 0, text)
        self.assertNotIn('\r', text.replace('\r\n', '\n'))


if __name__ == '__main__':
    unittest.main()
