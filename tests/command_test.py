#!/usr/bin/env python3
"""Tests the command from outside: its output, its exit codes, and what it says to bad input.

usage: command_test.py WEFT [arguments of unittest...]

Training runs on Fashion-MNIST, and is skipped where that is not installed.
"""
import fcntl
import gzip
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path('/usr/share/datasets/fashion-mnist')
LAST_LINE = re.compile(r'test accuracy [01]\.\d{4}')
WEFT = ''
TEMP = pathlib.Path()


def environment(**changes):
    """The environment without weft's variables, with a cache that the tests share."""
    env = {k: v for k, v in os.environ.items() if not k.startswith('WEFT_')}
    env['WEFT_CACHE'] = str(TEMP / 'cache')
    env.update(changes)
    return {k: v for k, v in env.items() if v is not None}


def run(*args, timeout=60, stdout=subprocess.PIPE, **changes):
    return subprocess.run([WEFT, *args], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, env=environment(**changes), check=False)


class Case(unittest.TestCase):
    def assert_fails(self, result, code, *parts):
        """One line on stderr that begins with "weft: " and has each of the parts."""
        self.assertEqual(result.returncode, code, result.stderr)
        lines = [x for x in result.stderr.splitlines() if not x.startswith('training on ')]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith('weft: '), lines[0])
        for part in parts:
            self.assertIn(str(part), lines[0])

    def assert_works(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)


class Usage(Case):
    def test_help_goes_to_stdout(self):
        for args in ([], ['devices'], ['train'], ['check'], ['bench'], ['cache']):
            result = run(*args, '--help')
            self.assert_works(result)
            self.assertTrue(result.stdout.startswith('usage: weft'))
            self.assertIn('exit codes', result.stdout)
            self.assertEqual(result.stderr, '')
            self.assertLessEqual(max(map(len, result.stdout.splitlines())), 100)

    def test_version(self):
        self.assertRegex(run('--version').stdout, r'^weft \d+\.\d+\.\d+\n$')

    def test_what_is_unknown_is_named(self):
        self.assert_fails(run(), 2, 'no verb')
        self.assert_fails(run('paint'), 2, 'verb "paint"')
        self.assert_fails(run('--paint'), 2, '"--paint"')
        self.assert_fails(run('train', '--paint'), 2, '--paint')
        self.assert_fails(run('train', '--paint=red'), 2, 'unknown option --paint;')
        self.assert_fails(run('train', '-p'), 2, '-p')
        self.assert_fails(run('train', '--s', '3'), 2, 'ambiguous', '--s')
        self.assert_fails(run('train', 'red'), 2, '"red"')
        self.assert_fails(run('devices', '--json=2'), 2, '--json', 'no value')
        self.assert_fails(run('cache', 'paint'), 2, '"paint"', 'info|clear')

    def test_absurd_values(self):
        bad = {
            '--batch': ['-3', '0', '', '1.5', ' 7', '3000000000', 'many', '0x10'],
            '--epochs': ['0', '2147483648'],
            '--steps': ['0', '-1', '9223372036854775808'],
            '--hidden': ['', ',', '1,', ',1', '1,,2', '1;2', '0', '-1', ','.join(33 * '1')],
            '--classes': ['0', '1e3'],
            '--lr': ['0', '-1', 'nan', 'inf', '1e999', '1e-999', '1,5', '1e', ''],
            '--momentum': ['1', '-0.1', 'x'],
            '--seed': ['-1', '18446744073709551616'],
            '--optimizer': ['adamw', '', 'sgd|adam'],
            '--model': ['cnn'],
            '--data': [''],
        }
        for option, values in bad.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.assert_fails(run('train', f'{option}={value}'), 2, option, f'"{value}"',
                                      'wanted')
        self.assert_fails(run('train', '--batch'), 2, '--batch', 'nothing')
        self.assert_fails(run('train', '--momentum', '0.9', '--data', '.'), 2, 'sgd')

    def test_results_that_cannot_be_written(self):
        for args in (['devices'], ['cache'], ['--version']):
            with open('/dev/full', 'w') as full:
                self.assert_fails(run(*args, stdout=full), 1, 'standard output: No space')

    def test_a_reader_that_goes_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = run('devices', stdout=writer)
        os.close(writer)
        self.assertEqual((result.returncode, result.stderr), (1, ''))


class Devices(Case):
    def folder(self, **files):
        path = pathlib.Path(tempfile.mkdtemp(dir=TEMP))
        for name, text in files.items():
            (path / f'{name}.icd').write_text(text)
        return str(path)

    def test_text(self):
        result = run('devices')
        self.assert_works(result)
        self.assertIn('<- chosen', result.stdout)
        self.assertRegex(result.stdout, r'weft would take \d+, .+: .+')

    def test_json(self):
        result = run('devices', '--json')
        self.assert_works(result)
        found = json.loads(result.stdout)
        device = found['devices'][found['chosen']]
        self.assertEqual(device['index'], found['chosen'])
        self.assertIn(device['type'], ('gpu', 'integrated_gpu', 'accelerator', 'cpu'))
        for key in ('compute_units', 'memory', 'max_alloc', 'local_memory', 'max_group'):
            self.assertGreater(device[key], 0, key)
        for key in ('name', 'platform', 'driver', 'version', 'vendor'):
            self.assertTrue(device[key], key)
        self.assertEqual(set(device['capabilities']), {'f64', 'f16', 'subgroup_shuffle', 'int_dot'})
        self.assertIsNone(device['error'])

    def test_a_name_that_matches_nothing(self):
        result = run('devices', '--device', 'nonesuch')
        self.assert_fails(result, 1, '"nonesuch"')
        self.assertNotIn('chosen', result.stdout)
        result = run('devices', '--device', 'nonesuch', '--json')
        self.assertEqual(result.returncode, 1)
        found = json.loads(result.stdout)
        self.assertIsNone(found['chosen'])
        self.assertTrue(found['devices'])

    def test_no_platform(self):
        empty = self.folder()
        result = run('devices', OCL_ICD_VENDORS=empty)
        self.assert_fails(result, 1, empty, 'install')
        result = run('devices', '--json', OCL_ICD_VENDORS=empty)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(json.loads(result.stdout)['devices'], [])

    def test_a_broken_driver(self):
        broken = self.folder(broken='/nonexistent/libnone.so')
        result = run('devices', '--json', OCL_ICD_VENDORS=broken)
        self.assert_fails(result, 1, 'libnone.so')
        skipped = json.loads(result.stdout)['skipped']
        self.assertEqual(skipped[0]['platform'], f'{broken}/broken.icd')
        self.assertIn('libnone.so', skipped[0]['reason'])


class Cache(Case):
    def test_folder_size_and_clearing(self):
        folder = str(TEMP / 'own-cache')
        self.assert_works(run('devices', WEFT_CACHE=folder))
        info = json.loads(run('cache', '--json', WEFT_CACHE=folder).stdout)
        self.assertEqual(info['dir'], folder)
        self.assertGreater(info['files'], 0)
        self.assertGreater(info['limit'], info['bytes'])
        text = run('cache', 'info', WEFT_CACHE=folder).stdout
        self.assertIn(f'{info["bytes"]} bytes', text)
        self.assertIn(folder, text)
        (pathlib.Path(folder) / 'mine.txt').write_text('stays')
        self.assertIn('removed', run('cache', 'clear', WEFT_CACHE=folder).stdout)
        info = json.loads(run('cache', '--json', WEFT_CACHE=folder).stdout)
        self.assertEqual((info['files'], info['bytes']), (0, 0))
        self.assertTrue((pathlib.Path(folder) / 'mine.txt').exists())

    def test_switched_off(self):
        result = run('cache', WEFT_CACHE='')
        self.assert_works(result)
        self.assertIn('switched off', result.stdout)
        self.assertIsNone(json.loads(run('cache', '--json', WEFT_CACHE='').stdout)['dir'])

    def test_a_folder_that_is_not_there_yet(self):
        result = run('cache', WEFT_CACHE=str(TEMP / 'later'))
        self.assert_works(result)
        self.assertRegex(result.stdout, r'files +0\n')


def lines_of_json(text):
    return [json.loads(line) for line in text.splitlines()]


class Check(Case):
    def test_one_op(self):
        result = run('check', 'add')
        self.assert_works(result)
        op, verdict = result.stdout.splitlines()
        self.assertRegex(op, r'^add +3/3 +\S+ +[0-9.]+ ms$')
        self.assertRegex(verdict, r'^.+ \(driver .+, OpenCL .+\) computes correctly: '
                                  r'1 ops, 3 cases, ')

    def test_json(self):
        result = run('check', 'reshape', '--json')
        self.assert_works(result)
        op, verdict = lines_of_json(result.stdout)
        self.assertEqual((op['op'], op['error']), ('reshape', None))
        self.assertGreater(op['run'], 1)
        self.assertEqual(op['passed'], op['run'])
        self.assertLessEqual(op['worst'], 1)
        self.assertIs(verdict['ok'], True)
        self.assertEqual((verdict['passed'], verdict['run']), (1, 1))
        for key in ('device', 'driver', 'version'):
            self.assertTrue(verdict[key], key)

    def test_a_device_that_computes_wrong(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=TEMP))
        for file in (ROOT / 'cl').iterdir():
            text = file.read_text()
            if file.name == 'functions.h':
                text = text.replace('fabs(x)', '(-fabs(x))')
            (folder / file.name).write_text(text)
        result = run('check', 'abs', WEFT_CL_DIR=str(folder))
        self.assert_fails(result, 1, '1 of 1 ops are wrong on', 'driver')
        self.assertRegex(result.stdout, r'^abs +[0-9]/\d .*abs\[0\] of \[3,5\] F32: y')
        result = run('check', 'abs', '--json', WEFT_CL_DIR=str(folder))
        op, verdict = lines_of_json(result.stdout)
        self.assertIn('got', op['error'])
        self.assertIs(verdict['ok'], False)

    def test_kernels_that_do_not_compile(self):
        folder = tempfile.mkdtemp(dir=TEMP)
        result = run('check', 'matmul', WEFT_CL_DIR=folder)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r'^matmul +0/3 .*matmul_cpu\.cl')

    def test_bad_input(self):
        self.assert_fails(run('check', 'nonesuch'), 2, '"nonesuch"', 'wanted the name of an op')
        self.assert_fails(run('check', 'add', 'sub'), 2, '"sub"', 'wanted one OP')
        self.assert_fails(run('check', 'add', '--device', 'nonesuch'), 1, '"nonesuch"')


class Bench(Case):
    KEYS = ['case', 'device', 'ms', 'ms_min', 'gflop_s', 'gb_s', 'peak_percent']

    def test_text(self):
        result = run('bench', 'matmul', '--filter', '/128', '--seconds', '0.01')
        self.assert_works(result)
        head, columns, *cases = result.stdout.splitlines()
        self.assertRegex(head, r': copies [0-9.]+ GB/s, multiplies and adds \d+ GFLOP/s$')
        self.assertEqual(columns.split(), ['case', 'ms', 'least', 'GFLOP/s', 'GB/s', 'peak'])
        self.assertRegex(cases[0], r'^matmul/128( +[0-9.]+){5}%$')

    def test_json(self):
        result = run('bench', '--filter', 're', '--seconds', '0.01', '--json')
        self.assert_works(result)
        cases = {case['case']: case for case in lines_of_json(result.stdout)}
        self.assertEqual(set(cases), {x for x in self.names() if 're' in x})
        for case in cases.values():
            self.assertEqual(list(case), self.KEYS)
            self.assertGreaterEqual(case['ms'], case['ms_min'])
            self.assertGreater(case['ms_min'], 0)
        square = cases['square/16M']
        self.assertAlmostEqual(square['gb_s'] / (2 * 4 * 2**24 / square['ms'] * 1e-6), 1, 3)
        self.assertIsNone(square['gflop_s'])
        self.assertIsNone(cases['reshape/16M']['gb_s'])

    def test_cases_with_a_state(self):
        for op in ('mlp', 'host', 'sgd'):
            result = run('bench', op, '--seconds', '0.01', '--json')
            self.assert_works(result)
            for case in lines_of_json(result.stdout):
                self.assertTrue(case['case'].startswith(op + '/'))
                self.assertGreater(case['ms'], 0)

    def names(self):
        result = run('bench', '--list')
        self.assert_works(result)
        return result.stdout.splitlines()

    def test_list(self):
        names = self.names()
        self.assertEqual(len(set(names)), len(names))
        for name in ('relu/16M', 'sum/columns', 'matmul/2048', 'adam/16M', 'mlp/128'):
            self.assertIn(name, names)

    def test_bad_input(self):
        self.assert_fails(run('bench', 'nonesuch'), 2, 'nonesuch', '--list')
        self.assert_fails(run('bench', '--filter', 'nonesuch'), 2, 'nonesuch', '--list')
        self.assert_fails(run('bench', '--seconds', '0'), 2, '"0"', 'above 0')
        self.assert_fails(run('bench', 'relu', '--device', 'nonesuch'), 1, '"nonesuch"')


class Rivals(Case):
    """tools/bench/NAME, without the rivals, which are large to install."""
    BENCH = ROOT / 'tools' / 'bench'

    def bench(self, name, *args, **changes):
        return subprocess.run([self.BENCH / name, *args], stdout=subprocess.PIPE, timeout=120,
                              stderr=subprocess.PIPE, text=True, env=environment(**changes),
                              check=False)

    def test_help_and_bad_input(self):
        for name in ('elementwise', 'reduce', 'optim', 'matmul', 'train'):
            result = self.bench(name, '--help')
            self.assert_works(result)
            self.assertIn('usage: ' + name, result.stdout)
            result = self.bench(name, '--build', '/nonexistent')
            self.assertEqual(result.returncode, 2)
            self.assertIn('/nonexistent/tools/weft is not there', result.stderr)
        self.assertEqual(self.bench('matmul', '--rounds', '0').returncode, 2)

    def test_turns_with_a_rival_that_does_nothing(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=TEMP))
        (folder / 'torch.py').write_text('import sys\nfrom unittest import mock\n'
                                         'sys.modules[__name__] = mock.MagicMock()\n')
        args = ['--build', pathlib.Path(WEFT).parents[1], '--python', sys.executable, '--seconds',
                '0.001', '--rounds', '2', '--filter']
        result = self.bench('optim', *args, 'sgd', '--json', PYTHONPATH=str(folder))
        self.assert_works(result)
        *cases, first, second = lines_of_json(result.stdout)
        self.assertEqual([(x['case'], x['rival']) for x in cases],
                         [('sgd/16M', 'pytorch'), ('sgd/16M', 'fused')])
        for case in cases:
            self.assertAlmostEqual(case['ratio'], case['rival_ms'] / case['weft_ms'], 3)
            self.assertLess(case['ratio'], 1)
        self.assertEqual(first, {'summary': True, 'rival': 'pytorch', 'geomean': cases[0]['ratio'],
                                 'worst': cases[0]['ratio'], 'worst_case': 'sgd/16M'})
        self.assertEqual(second['rival'], 'fused')
        result = self.bench('optim', *args, 'nonesuch', PYTHONPATH=str(folder))
        self.assertEqual(result.returncode, 1)
        self.assertIn('"nonesuch"', result.stderr)


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
        self.assert_fails(run('train', '--data', '/nonexistent'), 1, '/nonexistent/')

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
        self.assert_fails(run('train', '--data', folder), 1, 'NaN', 'step 1', '--classes 10')
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
        self.assertRegex(first.stderr, r'^training on .+: 25818 parameters, 60000 rows\n')
        lines = first.stdout.splitlines()
        self.assertRegex(lines[0], r'^epoch 1/2: loss \d\.\d{4}, test accuracy \d\.\d{4}, \d+ rows/s$')
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
        results = [process.communicate(timeout=60) for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], results)
        self.assertEqual(*[out.splitlines()[-1] for out, _ in results])

    def test_interrupt(self):
        with subprocess.Popen([WEFT, 'train', '--epochs', '100000'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=environment()) as process:
            self.assertIn('epoch 1/', process.stdout.readline())
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
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


def main():
    global WEFT, TEMP
    WEFT = str(pathlib.Path(sys.argv.pop(1)).resolve())
    TEMP = pathlib.Path(tempfile.mkdtemp(prefix='weft-command-'))
    try:
        return not unittest.main(exit=False).result.wasSuccessful()
    finally:
        shutil.rmtree(TEMP)


if __name__ == '__main__':
    sys.exit(main())
