#!/usr/bin/env python3
"""Tests the command from outside: its output, its exit codes, and what it says to bad input.

usage: command_test.py WEFT [arguments of unittest...]

Training runs on Fashion-MNIST, and is skipped where that is not installed.
"""
import fcntl
import gzip
import json
import math
import os
import pathlib
import pty
import re
import resource
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
import zipfile

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


def run(*args, timeout=60, stdout=subprocess.PIPE, preexec_fn=None, **changes):
    return subprocess.run([WEFT, *args], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, env=environment(**changes), check=False,
                          preexec_fn=preexec_fn)


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
        for args in ([], ['devices'], ['train'], ['eval'], ['predict'], ['info'], ['check'],
                     ['bench'], ['cache']):
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
            '--optimizer': ['adamax', '', 'sgd|adam'],
            '--schedule': ['linear', ''],
            '--weight-decay': ['-1', 'nan'],
            '--clip-norm': ['0', '-1'],
            '--dropout': ['1', '-0.5'],
            '--validation': ['1', '2'],
            '--save-every': ['0'],
            '--warm-up': ['-1'],
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
        self.assert_fails(run('train', '--nesterov'), 2, '--nesterov', '--momentum')
        self.assert_fails(run('train', '--schedule', 'plateau', '--warm-up', '3'), 2, '--warm-up')
        self.assert_fails(run('train', '--schedule', 'plateau', '--decay', '2'), 2, '--decay')
        self.assert_fails(run('train', '--save-every', '3'), 2, '--save-every', '--save')
        self.assert_fails(run('train', '--log', 'x.txt'), 2, '"x.txt"', '.jsonl')
        for option, schedule in (('--patience', 'plateau'), ('--decay', 'step or plateau'),
                                 ('--decay-every', 'step'), ('--schedule-steps', 'cosine')):
            self.assert_fails(run('train', '--data', '.', option, '3'), 2, option + ':',
                              '--schedule ' + schedule)
            self.assert_fails(run('train', '--data', '.', option, '3', '--warm-up', '2'), 2, option)
        self.assert_fails(run('train', '--data', '.', '--target', 'x'), 2, '--target', '--data is .')
        self.assert_fails(run('train', '--data', '.', '--no-header'), 2, '--no-header', '--data')
        for verb in ('info', 'eval', 'predict'):
            self.assert_fails(run(verb), 2, 'no FILE')
            self.assert_fails(run(verb, 'a', 'b'), 2, '"b"')
        self.assert_fails(run('predict', 'x'), 2, '--data')

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
                                  r'1 op, 3 cases, ')

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
        self.assert_fails(result, 1, '1 of 1 op computed wrong on', 'driver')
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
            process.communicate(timeout=20)
        self.assertEqual(process.returncode, -signal.SIGINT)

    def test_interrupt(self):
        with subprocess.Popen([WEFT, 'train', '--epochs', '100000'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=environment()) as process:
            self.assertIn('epoch 1/', process.stdout.readline())
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertRegex(errors.splitlines()[-1],
                         r'^weft: train: stopped after step \d+ of \d+, in epoch \d+ of 100000$')


def table(name, rows, columns, row, head=True):
    """A CSV file in TEMP with row(i) for each of the rows."""
    path = TEMP / name
    lines = [','.join(columns)] if head else []
    lines += [','.join(str(x) for x in row(i)) for i in range(rows)]
    path.write_text('\n'.join(lines) + '\n')
    return str(path)


def animal(i):
    """Two numbers that tell the third, a word."""
    kind = i * 7 % 3
    return 100 + 10 * kind + i % 5 * 0.3, -4 * kind + i % 4 * 0.5, ('ant', 'bee', 'cow')[kind]


def npy(dtype, shape, data):
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    return b'\x93NUMPY\1\0\x76\0' + head.encode().ljust(117) + b'\n' + data


def array(dtype, *shape):
    """An npy file with numbers of struct's dtype; shape ends with a function of the place."""
    shape, value = shape[:-1], shape[-1]
    kind = {'e': '<f2', 'f': '<f4', 'd': '<f8', 'b': '|i1', 'B': '|u1', 'i': '<i4', 'q': '<i8'}
    count = math.prod(shape)
    return npy(kind[dtype], shape, struct.pack(f'<{count}{dtype}', *map(value, range(count))))


def npz(name, **arrays):
    with zipfile.ZipFile(TEMP / name, 'w') as archive:
        for key, data in arrays.items():
            archive.writestr(f'{key}.npy', data)
    return str(TEMP / name)


def pairs(name, x, y):
    """An npz file in TEMP: rows of two numbers, and a target each; a class, if they are whole."""
    path, whole, n = str(TEMP / name), isinstance(y[0], int), len(y)
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('x.npy', npy('<f4', (n, 2), struct.pack(f'<{2 * n}f', *x)))
        archive.writestr('y.npy', npy('<i8' if whole else '<f4', (n,),
                                      struct.pack(f'<{n}{"q" if whole else "f"}', *y)))
    return path


def line_of(i):
    a, b = i * 37 % 101, i * 11 % 53
    return a, b, 2 * a - 3 * b + 1000


class Tables(Case):
    """Trains on small CSV files, which takes a moment."""
    @classmethod
    def setUpClass(cls):
        cls.animals = table('animals.csv', 240, ['a', 'b', 'kind'], animal)
        cls.model = str(TEMP / 'animals.safetensors')
        cls.result = run('train', '--data', cls.animals, '--epochs', '30', '--lr', '0.02',
                         '--validation', '0.25', '--seed', '5', '--save', cls.model)

    def test_classes_with_names(self):
        self.assert_works(self.result)
        self.assertRegex(self.result.stdout, r'\nvalidation accuracy (0\.9[5-9]|1\.0)\d*\n$')
        result = run('eval', self.model, '--data', self.animals)
        self.assertRegex(result.stdout, r'^rows 240\nloss [0-9.e-]+\naccuracy (1\.0|0\.9)\d+\n$')
        result = json.loads(run('eval', self.model, '--data', self.animals, '--json',
                                '--per-class').stdout)
        self.assertEqual([(c['class'], c['rows']) for c in result['classes']],
                         [('ant', 80), ('bee', 80), ('cow', 80)])
        self.assertEqual(sum(c['right'] for c in result['classes']) / 240, result['accuracy'])

    def test_other_files_have_other_labels(self):
        some = table('some.csv', 200, ['a', 'b', 'kind'], lambda i: animal(3 * i // 2 * 2 + 1))
        names = {line.rsplit(',', 1)[1] for line in pathlib.Path(some).read_text().split()[1:]}
        self.assertGreater(len(names), 1)
        cows = table('cows.csv', 20, ['a', 'b', 'kind'], lambda i: animal(3 * i + 2))
        result = json.loads(run('eval', self.model, '--data', cows, '--json').stdout)
        self.assertGreater(result['accuracy'], 0.95)
        emus = table('emus.csv', 20, ['a', 'b', 'kind'], lambda i: (1, 2, 'emu'))
        self.assert_fails(run('eval', self.model, '--data', emus), 1, emus, '"emu"', 'classes')

    def test_predict(self):
        with_target = run('predict', self.model, '--data', self.animals)
        self.assert_works(with_target)
        lines = with_target.stdout.splitlines()
        right = sum(line.split()[0] == animal(i)[2] for i, line in enumerate(lines))
        self.assertGreater(right, 230)
        self.assertRegex(lines[0], r'^\w+\t[01]\.\d{4}$')
        without = table('without.csv', 240, ['a', 'b'], lambda i: animal(i)[:2])
        self.assertEqual(run('predict', self.model, '--data', without).stdout, with_target.stdout)
        piped = subprocess.run([WEFT, 'predict', self.model, '--data', '-', '--json'], text=True,
                               input=pathlib.Path(without).read_text(), stdout=subprocess.PIPE,
                               env=environment(), check=True)
        rows = lines_of_json(piped.stdout)
        self.assertEqual([row['class'] for row in rows], [line.split()[0] for line in lines])
        for row in rows:
            self.assertEqual(list(row['probabilities']), ['ant', 'bee', 'cow'])
            self.assertAlmostEqual(sum(row['probabilities'].values()), 1, 4)
            self.assertEqual(row['probability'], row['probabilities'][row['class']])
            self.assertEqual(row['probability'], max(row['probabilities'].values()))

    def test_regression(self):
        data = table('line.csv', 300, ['y', 'a', 'b'], lambda i: (line_of(i)[2], *line_of(i)[:2]))
        model = str(TEMP / 'line.safetensors')
        result = run('train', '--data', data, '--target', 'y', '--task', 'regress', '--epochs',
                     '60', '--lr', '0.01', '--save', model)
        self.assert_works(result)
        measured = json.loads(run('eval', model, '--data', data, '--json').stdout)
        self.assertLess(measured['mae'], 10)
        self.assertLess(measured['mae']**2, measured['mse'])
        first = run('predict', model, '--data', data).stdout.splitlines()[7]
        self.assertLess(abs(float(first) - line_of(7)[2]), 40)
        self.assert_fails(run('eval', model, '--data', self.animals), 1, "'y'")
        self.assert_fails(run('eval', model, '--data', data, '--per-class'), 2, '--per-class',
                          model, 'regression')

    def test_numbers_that_are_no_classes_are_a_regression(self):
        data = table('half.csv', 50, ['a', 'y'], lambda i: (i, i + 0.5))
        result = run('train', '--data', data, '--epochs', '1', '--validation', '0.2')
        self.assertRegex(result.stdout, r'validation loss [0-9.]+\n$')

    def test_bad_tables(self):
        bad = table('bad.csv', 3, ['a', 'b', 'kind'], lambda i: (1, 'x', 'ant'))
        self.assert_fails(run('train', '--data', bad), 1, bad, "'x'")
        self.assert_fails(run('train', '--data', self.animals, '--target', 'z'), 1, 'z')
        self.assert_fails(run('train', '--data', str(TEMP / 'none.csv')), 1, 'none.csv')
        self.assert_fails(run('predict', self.model, '--data', str(TEMP / 'none.csv')), 1,
                          'none.csv')
        wide = table('wide.csv', 3, ['1', '2', '3', '4'], lambda i: (1, 2, 3, 4))
        self.assert_fails(run('predict', self.model, '--data', wide), 1, wide, "no column 'a'")
        self.assert_fails(run('predict', self.model, '--data', self.model), 1, self.model)

    def test_a_reader_that_goes_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = run('predict', self.model, '--data', self.animals, stdout=writer)
        os.close(writer)
        self.assertEqual((result.returncode, result.stderr), (1, ''))

    def test_npz(self):
        x = [10 * (i // 2 % 3) + i % 2 for i in range(60)]
        path, model = pairs('small.npz', x, [i % 3 for i in range(30)]), str(TEMP / 'small')
        x = struct.pack('<60f', *x)
        self.assert_works(run('train', '--data', path, '--epochs', '80', '--lr', '0.1', '--save',
                              model))
        self.assertIn('accuracy 1.0000\n', run('eval', model, '--data', path).stdout)
        only_x = TEMP / 'x.npy'
        only_x.write_bytes(npy('<f4', (30, 2), x))
        result = run('predict', model, '--data', str(only_x))
        self.assertEqual([line[0] for line in result.stdout.splitlines()], list('012' * 10))
        self.assert_fails(run('eval', model, '--data', str(only_x)), 1, only_x, 'no targets')

    def test_every_optimizer_and_schedule(self):
        losses = set()
        for optimizer in ('sgd', 'adagrad', 'adadelta', 'rmsprop', 'adam', 'adamw'):
            result = run('train', '--data', self.animals, '--optimizer', optimizer, '--epochs', '3')
            self.assert_works(result)
            losses.add(result.stdout.splitlines()[-2].split()[3])
        for schedule in (['step', '--decay', '0.5', '--decay-every', '2'], ['cosine'],
                         ['one-cycle'], ['plateau', '--patience', '1'],
                         ['cosine', '--warm-up', '3'], ['constant', '--warm-up', '3']):
            result = run('train', '--data', self.animals, '--epochs', '3', '--schedule', *schedule)
            self.assert_works(result)
            losses.add(result.stdout.splitlines()[-1].split()[3])
        self.assertGreater(len(losses), 9)

    def test_a_loss_that_is_no_number(self):
        model, log = TEMP / 'nan.safetensors', TEMP / 'nan.csv'
        result = run('train', '--data', self.animals, '--optimizer', 'sgd', '--lr', '1e30',
                     '--save', str(model), '--save-every', '1', '--log', str(log))
        self.assert_fails(result, 1, 'in step 2', '--lr', f'{model} is of step 1')
        self.assertEqual(json.loads(run('info', '--json', str(model)).stdout)['checkpoint']['step'],
                         1)
        result = run('train', '--data', self.animals, '--optimizer', 'sgd', '--lr', '1e30',
                     '--weight-decay', '1')
        self.assert_fails(result, 1, 'NaN in step 2: --lr or --weight-decay may be too large')

    def test_data_that_are_no_numbers(self):
        x, y = [i % 7 for i in range(40)], [i % 2 for i in range(20)]
        nan = pairs('nan.npz', [*x[:35], float('nan'), *x[36:]], y)
        self.assert_fails(run('train', '--data', nan), 1, f'row 17 of {nan} has a NaN', 'its input')
        self.assert_fails(run('train', '--data', nan, '--validation', '0.1', '--seed', '3'), 1,
                          f': a row of {nan} has a NaN')
        inf = pairs('inf.npz', x, [0.5] * 9 + [float('inf')] + [1.0] * 10)
        self.assert_fails(run('train', '--data', inf), 1, f'{inf}: the target of row 9 is infinite')
        big = pairs('big.npz', [3e38 * (1 - 2 * (i % 2)) for i in x], y)
        self.assert_fails(run('train', '--data', big, '--normalize', 'none'), 1,
                          f'targets of {big} are too large')
        for word in ('inf', '-Infinity', '1e400', 'nan', '-nan'):
            path = table('word.csv', 9, ['a', 'y'], lambda i: (word if i == 4 else i, i / 3))
            self.assert_fails(run('train', '--data', path), 1, path, f"line 6, column 'a': '{word}'")

    def test_texts_that_a_terminal_would_act_on(self):
        def row(i):
            return i, i % 3, ('bee\x1b[31m', 'ant\t\x9bz')[i % 2]
        path, model = table('escape.csv', 40, ['a', 'b\x1b[1m', 'k'], row), str(TEMP / 'escape')
        self.assert_works(run('train', '--data', path, '--save', model))
        for args in (['eval', model, '--data', path, '--per-class'], ['info', model],
                     ['predict', model, '--data', path], ['train', '--data', 'x\x1b[1m\ny.csv'],
                     ['eval', model, '--data', table('bad.csv', 2, ['a', 'b', 'k'],
                                                     lambda i: (1, 2, 'cow\x1b[31m'))],
                     ['train', '--data', path, '--target', 'b\x1b[1m\n'],
                     ['train', '--data', path, '--hidden', '\x1b[1m']):
            result = run(*args)
            self.assertTrue(result.stdout + result.stderr)
            self.assertNotRegex(result.stdout + result.stderr, '[\0-\x08\x0b-\x1f\x7f-\x9f]')
            if result.returncode:
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        lines = run('eval', model, '--data', path, '--per-class').stdout.splitlines()
        self.assertEqual([line[:20] for line in lines[-2:]], ['ant???z'.ljust(20),
                                                              'bee?[31m'.ljust(20)])


class Task(Case):
    """What is learned when --task does not say it."""
    def begin(self, path, *args):
        result = run('train', '--data', str(path), '--steps', '1', *args)
        self.assert_works(result)
        return re.search(r' rows; (.*)', result.stderr)[1]

    def column(self, *values, rows=60):
        return table('task.csv', rows, ['x', 'y'], lambda i: (i, values[i % len(values)]))

    def test_tables(self):
        three, regression = 'classification, 3 classes (otherwise: --task regress)', \
            'regression (otherwise: --task classify)'
        self.assertEqual(self.begin(ROOT / 'examples' / 'diabetes.csv'), regression)
        for values, task in (((0, 1, 2), three), (('1.0', '0.0', '2.0'), three),
                             (('a', 'b', 'c'), three), (range(21), regression),
                             ((-1, 0, 7), three), ((0, 1.5, 2), regression)):
            self.assertEqual(self.begin(self.column(*values)), task, values)
        self.assertEqual(self.begin(self.column(*range(10), rows=11)), regression)
        words = self.column(*(f'w{i}' for i in range(30)))
        self.assertIn('classification, 30 classes', self.begin(words))
        self.assertEqual(self.begin(self.column(0, 1, 2), '--task', 'regress'), 'regression')
        missing = self.column(*(i + 0.5 for i in range(59)), 'NA')
        self.assert_fails(run('train', '--data', missing), 1, missing, 'line 61', "'NA'")

    def test_arrays(self):
        x = array('f', 60, 2, float)
        for dtype, count, task in (('q', 3, 'classification, 3 classes'),
                                   ('f', 3, 'classification, 3 classes'),
                                   ('e', 3, 'classification, 3 classes'),
                                   ('B', 30, 'classification, 30 classes'),
                                   ('f', 30, 'regression '), ('B', 60, 'regression ')):
            with self.subTest(dtype=dtype, count=count):
                path = npz('task.npz', x=x, y=array(dtype, 60, lambda i: i % count))
                self.assertIn(task, self.begin(path))
        path = npz('task.npz', x=x, y=array('f', 60, 2, lambda i: i % 3))
        self.assertIn('regression, 2 values', self.begin(path))
        path = npz('task.npz', x=x, y=array('f', 60, lambda i: i / 2))
        self.assert_fails(run('train', '--data', path, '--task', 'classify'), 1, path,
                          'label of row 1 is 0.5')

    def test_classes_are_counted_before_rows_are_held_out(self):
        path = npz('rare.npz', x=array('f', 40, 2, float), y=array('q', 40, lambda i: i // 39 * 9))
        for seed in range(5):
            args = '--task', 'classify', '--validation', '0.9', '--seed', str(seed)
            self.assertIn('10 classes', self.begin(path, *args))

    def test_targets_that_are_none(self):
        path = npz('nan.npz', x=array('f', 40, 2, float),
                   y=array('f', 40, lambda i: math.nan if i == 7 else i / 3))
        self.assert_fails(run('train', '--data', path), 1, path, 'row 7', 'NaN')
        path = npz('none.npz', x=array('f', 40, 2, float))
        self.assert_fails(run('train', '--data', path), 1, path, 'no targets')


class Arrays(Case):
    @classmethod
    def setUpClass(cls):
        cls.x = array('f', 60, 2, lambda i: 10 * (i // 2 % 3) + i % 2)
        cls.train = {'x_train': cls.x, 'y_train': array('q', 60, lambda i: i % 3)}

    def test_test_data(self):
        model = str(TEMP / 'arrays.safetensors')
        path = npz('both.npz', **self.train, x_test=array('f', 2, 2, lambda i: 20),
                   y_test=array('q', 2, lambda i: 2))
        result = run('train', '--data', path, '--epochs', '60', '--lr', '0.1', '--save', model)
        self.assert_works(result)
        self.assertRegex(result.stdout, r'^epoch 1/60: loss [0-9.]+, test accuracy ')
        self.assertTrue(result.stdout.endswith('\ntest accuracy 1.0000\n'), result.stdout)
        self.assertIn('rows 2\n', run('eval', model, '--data', path).stdout)
        self.assertIn('rows 60\n', run('eval', model, '--data', path, '--split', 'train').stdout)
        bad = npz('bad.npz', **self.train, x_test=array('f', 2, 2, float),
                  y_test=array('q', 2, lambda i: 4 * i))
        result = run('train', '--data', bad)
        self.assert_fails(result, 1, f'{bad}: y_test', 'row 1 is 4', '0 .. 2')
        self.assertNotIn('epoch', result.stdout)
        self.assert_fails(run('eval', model, '--data', bad), 1, f'{bad}: y_test', 'row 1 is 4')

    def test_half_precision(self):
        path = npz('half.npz', x=self.x, y=array('e', 60, lambda i: i % 3))
        model = str(TEMP / 'half.safetensors')
        self.assert_works(run('train', '--data', path, '--epochs', '60', '--lr', '0.1', '--save',
                              model))
        self.assertIn('accuracy 1.0000\n', run('eval', model, '--data', path).stdout)
        path = npz('half.npz', x=self.x, y=array('e', 60, lambda i: 1000.5 + i % 3 / 2))
        self.assert_works(run('train', '--data', path, '--epochs', '80', '--lr', '0.05', '--save',
                              model))
        measured = json.loads(run('eval', model, '--data', path, '--json').stdout)
        self.assertLess(measured['mae'], 0.1)

    def test_one_column(self):
        model = str(TEMP / 'column.safetensors')
        for x in (array('f', 60, lambda i: i % 3), array('f', 60, 1, lambda i: i % 3)):
            path = npz('column.npz', x=x, y=array('q', 60, 1, lambda i: i % 3))
            self.assert_works(run('train', '--data', path, '--epochs', '60', '--lr', '0.1',
                                  '--save', model))
            self.assertIn('accuracy 1.0000\n', run('eval', model, '--data', path).stdout)
            (TEMP / 'column.npy').write_bytes(x)
            result = run('predict', model, '--data', str(TEMP / 'column.npy'))
            self.assertEqual([line[0] for line in result.stdout.splitlines()], list('012' * 20))

    def test_errors_name_the_file(self):
        cases = {'rows': {'x': self.x, 'y': array('q', 59, int)},
                 'scalar': {'x': npy('<f4', (), bytes(4)), 'y': array('q', 59, int)},
                 'empty': {'x': array('f', 0, 2, float), 'y': array('q', 0, int)},
                 'without': {'z': self.x}}
        for name, arrays in cases.items():
            path = npz(f'{name}.npz', **arrays)
            self.assert_fails(run('train', '--data', path), 1, f'{path}: ')
        (TEMP / 'scalar.npy').write_bytes(npy('<f4', (), bytes(4)))
        path = npz('fine.npz', x=self.x, y=array('q', 60, lambda i: i % 3))
        model = str(TEMP / 'fine.safetensors')
        self.assert_works(run('train', '--data', path, '--steps', '1', '--save', model))
        path = str(TEMP / 'scalar.npy')
        self.assert_fails(run('predict', model, '--data', path), 1, path, '0 dimensions')

    def test_a_model_that_gives_nan(self):
        model = str(TEMP / 'some.safetensors')
        path = npz('some.npz', x=self.x, y=array('q', 60, lambda i: i % 3))
        self.assert_works(run('train', '--data', path, '--steps', '1', '--save', model))
        path = npz('nans.npz', x=array('f', 600, 2, lambda i: math.nan if i == 1033 else 1),
                   y=array('q', 600, lambda i: 0))
        for args in ([], ['--json']):
            result = run('predict', model, '--data', path, *args)
            self.assert_fails(result, 1, f'{path}: row 516: the model gives NaN')
            self.assertEqual(len(result.stdout.splitlines()), 516)
            self.assertNotIn('null', result.stdout)
            result = run('eval', model, '--data', path, *args)
            self.assert_fails(result, 1, path, 'loss is NaN')
            self.assertEqual(result.stdout, '')


class Columns(Case):
    """CSV files in other forms than the one that was learned from."""
    @classmethod
    def setUpClass(cls):
        cls.animals = table('columns.csv', 240, ['a', 'b', 'kind'], animal)
        cls.model = str(TEMP / 'columns.safetensors')
        cls.args = ['--epochs', '20', '--lr', '0.02', '--save']
        run('train', '--data', cls.animals, *cls.args, cls.model)
        cls.expected = run('predict', cls.model, '--data', cls.animals).stdout
        cls.score = run('eval', cls.model, '--data', cls.animals).stdout

    def same(self, path, *args, model=None, score=True):
        result = run('predict', model or self.model, '--data', path, *args)
        self.assert_works(result)
        self.assertEqual(result.stdout, self.expected)
        if score:
            result = run('eval', model or self.model, '--data', path, *args)
            self.assert_works(result)
            self.assertEqual(result.stdout, self.score)

    def test_the_order_is_that_of_the_names(self):
        self.assertEqual(len(self.expected.splitlines()), 240)
        self.same(table('order.csv', 240, ['kind', 'b', 'id', 'a'],
                        lambda i: (animal(i)[2], animal(i)[1], f'n{i}', animal(i)[0])))
        self.same(table('order.csv', 240, ['b', 'a'], lambda i: animal(i)[1::-1]), score=False)
        less = table('less.csv', 5, ['a', 'kind'], lambda i: (1, 'ant'))
        for verb in ('eval', 'predict'):
            self.assert_fails(run(verb, self.model, '--data', less), 1, less, "no column 'b'")
        less = table('less.csv', 5, ['a', 'b'], lambda i: (1, 2))
        self.assert_fails(run('eval', self.model, '--data', less), 1, less, "no column 'kind'")
        self.assert_works(run('train', '--resume', self.model, '--data', self.animals))

    def test_no_header(self):
        bare = table('bare.csv', 240, [], animal, head=False)
        self.same(bare, '--no-header', '--target', '2')
        self.assert_fails(run('predict', self.model, '--data', bare), 1, bare, "no column 'a'")
        model = str(TEMP / 'bare.safetensors')
        self.assert_works(run('train', '--data', bare, '--no-header', *self.args, model))
        self.same(bare, model=model)
        self.same(table('bare.csv', 240, [], lambda i: animal(i)[:2], head=False), model=model,
                  score=False)

    def test_separators(self):
        text = pathlib.Path(self.animals).read_text()
        for name, separator, args in (('tabs.TSV', '\t', []), ('tabs.csv', '\t', ['tab']),
                                      ('semi.CSV', ';', [';'])):
            path = str(TEMP / name)
            pathlib.Path(path).write_text(text.replace(',', separator))
            args = args and ['--separator', *args]
            self.same(path, *args)
            model = str(TEMP / 'separators.safetensors')
            self.assert_works(run('train', '--data', path, *args, *self.args, model))
            self.same(path, model=model)
        for bad in ('ab', '"'):
            self.assert_fails(run('train', '--data', path, '--separator', bad), 2, '--separator')
        packed = TEMP / 'packed.csv.gz'
        packed.write_bytes(gzip.compress(text.encode()))
        self.assert_fails(run('train', '--data', str(packed)), 1, packed, 'compressed')

    def test_skipped_columns(self):
        path = table('skip.csv', 240, ['id', 'a', 'when', 'b', 'kind'],
                     lambda i: (f'n{i}', animal(i)[0], 'now', *animal(i)[1:]))
        model = str(TEMP / 'skip.safetensors')
        self.assert_fails(run('train', '--data', path), 1, path, "'n0'")
        self.assert_works(run('train', '--data', path, '--skip', 'id,when', *self.args, model))
        self.same(path, model=model)
        self.same(self.animals, model=model)
        bare = table('skip.csv', 240, [], lambda i: (*animal(i)[:2], 'now', animal(i)[2]),
                     head=False)
        self.assert_works(run('train', '--data', bare, '--no-header', '--skip', '2', *self.args,
                              model))
        self.same(bare, model=model)

    def test_missing_numbers(self):
        path = table('gaps.csv', 240, ['a', 'b', 'kind'],
                     lambda i: ('NA' if i == 7 else animal(i)[0], *animal(i)[1:]))
        result = run('train', '--data', path)
        self.assert_fails(result, 1, path, 'line 9', "'NA'", 'missing')
        self.assertNotIn('.allow', result.stderr)
        model = str(TEMP / 'gaps.safetensors')
        self.assert_works(run('train', '--data', path, '--allow-missing', *self.args, model))
        result = run('predict', model, '--data', path)
        self.assert_works(result)
        numbers = [animal(i)[0] for i in range(240) if i != 7]
        mean = sum(numbers) / len(numbers)
        filled = table('filled.csv', 240, ['a', 'b', 'kind'],
                       lambda i: (mean if i == 7 else animal(i)[0], *animal(i)[1:]))
        self.assertEqual(run('predict', model, '--data', filled).stdout, result.stdout)
        path = table('gaps.csv', 30, ['a', 'b'], lambda i: (i, 'NA' if i == 7 else i / 2))
        result = run('train', '--data', path, '--task', 'regress', '--allow-missing')
        self.assert_fails(result, 1, path, 'row 7', 'missing')
        result = run('train', '--data', path, '--allow-missing', '--normalize', 'none')
        self.assert_fails(result, 2, '--allow-missing', '--normalize')

    def test_standard_input(self):
        for text, code, part in ((pathlib.Path(self.animals).read_text(), 0, ''),
                                 ('a,b,kind\n1,x,ant\n', 1, "standard input: line 2, column 'b'"),
                                 ('', 1, 'standard input: is empty'),
                                 ('a,b,kind\n1,2,emu\n', 1, 'standard input: the label')):
            result = subprocess.run([WEFT, 'eval', self.model, '--data', '-'], input=text, text=True,
                                    capture_output=True, env=environment(), check=False)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertTrue(result.stderr.startswith(part and 'weft: ' + part), result.stderr)
            self.assertEqual(result.stderr.count('standard input'), code)

    def test_names_in_another_encoding(self):
        path = TEMP / 'latin.csv'
        for text in ('a,\xe9,k\n1,2,3\n', 'a,b,k\n1,2,\xe9\n', 'a,b,\xe9\n1,2,3\n'):
            path.write_text(text, encoding='latin-1')
            self.assert_fails(run('train', '--data', str(path)), 1, path, '0xe9', 'UTF-8')
        model = str(TEMP / 'utf8.safetensors')
        path.write_text('\xe9,b,k\n1,2,\xe9\n2,1,e\n', encoding='utf-8')
        self.assert_works(run('train', '--data', str(path), '--save', model))
        self.assert_works(run('eval', model, '--data', str(path)))

    def test_class_names_with_spaces(self):
        path = table('spaces.csv', 30, ['a', 'kind'], lambda i: (i % 2, f'a  b\t{i % 2} 0.5'))
        model = str(TEMP / 'spaces.safetensors')
        self.assert_works(run('train', '--data', path, '--epochs', '1', '--save', model))
        line = run('predict', model, '--data', path).stdout.splitlines()[0]
        self.assertRegex(line, r'^a  b\?[01] 0\.5\t[01]\.\d{4}$')


class Resume(Case):
    """A small network on a table; what is interrupted at any moment is in interrupt.py."""
    KEPT = ['--hidden', '8', '--batch', '8', '--dropout', '0.2', '--validation', '0.2', '--seed',
            '9', '--schedule', 'cosine', '--warm-up', '10', '--optimizer', 'adamw']

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=TEMP))
        self.data = table('resume.csv', 240, ['a', 'b', 'kind'], animal)

    def train(self, name, *args, log='log.csv', **changes):
        return run('train', '--data', self.data, '--save', str(self.folder / name), '--epochs', '6',
                   '--log', str(self.folder / (name + log)), *args, **changes)

    def rows(self, name):
        return [line.rsplit(',', 1)[0] for line in (self.folder / name).read_text().splitlines()]

    def test_the_same_bits(self):
        self.assert_works(self.train('whole', *self.KEPT))
        self.assert_works(self.train('part', *self.KEPT, '--schedule-steps', '144', '--steps',
                                     '60'))
        for steps in ('60', '61', '72', '100', '144'):
            result = self.train('part', '--resume', str(self.folder / 'part'), '--steps', steps)
            self.assert_works(result)
            self.assertRegex(result.stdout, r'^epoch \d/6: (.*\n)+validation accuracy 0.\d+\n$')
            self.assertEqual(self.rows('partlog.csv')[-1].split(',')[0], steps)
        self.assertEqual((self.folder / 'part').read_bytes(), (self.folder / 'whole').read_bytes())
        self.assertEqual(self.rows('partlog.csv'), self.rows('wholelog.csv'))
        self.assertEqual([row.split(',')[0] for row in self.rows('partlog.csv')],
                         ['step', '24', '48', '72', '96', '120', '144'])
        again = run('train', '--data', self.data, '--resume', str(self.folder / 'part'))
        self.assert_works(again)
        self.assertRegex(again.stdout, r'^validation accuracy [01]\.\d{4}\n$')

    def test_a_history_that_is_ahead_of_the_file(self):
        self.assert_works(self.train('model', *self.KEPT, '--steps', '100', log='.jsonl'))
        old = self.folder / 'old'
        self.assert_works(self.train('old', *self.KEPT, '--steps', '30', '--schedule-steps', '100'))
        with open(self.folder / 'model.jsonl', 'a') as log:
            log.write('{"step": 120, "epo')
        self.assert_works(self.train('model', '--resume', str(old), '--steps', '100', log='.jsonl'))
        rows = lines_of_json((self.folder / 'model.jsonl').read_text())
        self.assertEqual([row['step'] for row in rows], [24, 48, 72, 96, 100])
        self.assertEqual(rows[3]['epoch'], 4)
        self.assertIsNone(rows[3]['test_accuracy'])
        other = self.folder / 'other.csv'
        other.write_text('mine\n')
        result = self.train('model', '--resume', str(old), '--log', str(other))
        self.assert_fails(result, 1, other, 'no history')
        self.assertEqual(other.read_text(), 'mine\n')

    def test_options_that_differ(self):
        model = str(self.folder / 'model')
        self.assert_works(self.train('model', *self.KEPT, '--steps', '5'))
        for option, value in (('--hidden', '8,8'), ('--seed', '1'), ('--batch', '9'),
                              ('--optimizer', 'sgd'), ('--dropout', '0.3'), ('--lr', '0.1')):
            self.assert_fails(self.train('model', '--resume', model, option, value), 2, option,
                              f'"{value}"', model)
        self.assert_works(self.train('model', '--resume', model, '--hidden', '8', '--steps', '6'))
        result = run('train', '--data', self.data, '--resume', model)
        self.assertEqual(len(result.stdout.splitlines()), 7, result.stdout)  # of six epochs
        less = table('less.csv', 100, ['a', 'b', 'kind'], animal)
        result = self.train('model', '--resume', model, '--data', less)
        self.assert_fails(result, 1, '192 rows', 'has 80')

    def test_bad_files(self):
        model = self.folder / 'model'
        self.assert_works(self.train('model', *self.KEPT, '--steps', '5'))
        whole = model.read_bytes()
        bad = self.folder / 'bad'
        length = struct.unpack('<Q', whole[:8])[0]
        head = whole[8:8 + length]

        def with_head(text):
            return struct.pack('<Q', len(text)) + text + whole[8 + length:]
        cases = {'empty': b'', 'cut': whole[:-1], 'cut header': whole[:40], 'long': whole + b'1',
                 'lie': struct.pack('<Q', 1 << 62) + whole[8:], 'no JSON': with_head(b'{' * length),
                 'other model': with_head(head.replace(b'hidden":"8"', b'hidden":"9"')),
                 'absurd': with_head(head.replace(b'hidden":"8"', b'hidden":"-"')),
                 'huge': with_head(head.replace(b'"train.input":"2"',
                                                b'"train.input":"2147483647,2147483647"')),
                 'no model': with_head(head.replace(b'"train.model"', b'"train.xodel"'))}
        for name, data in cases.items():
            with self.subTest(name=name):
                self.assertNotEqual(data, whole)
                bad.write_bytes(data)
                self.assert_fails(self.train('new', '--resume', str(bad)), 1, bad)
                self.assert_fails(run('eval', str(bad), '--data', self.data), 1, bad)
                self.assert_fails(run('predict', str(bad), '--data', self.data), 1, bad)
                if name not in ('other model', 'absurd', 'huge', 'no model'):
                    self.assert_fails(run('info', str(bad)), 1, bad)
        self.assertFalse((self.folder / 'new').exists())
        self.assert_fails(self.train('new', '--resume', '/nonexistent'), 1, '/nonexistent')

    def test_metadata_that_are_absurd(self):
        model, bad = str(self.folder / 'model'), self.folder / 'bad'
        self.assert_works(self.train('model', *self.KEPT, '--steps', '5'))
        whole = pathlib.Path(model).read_bytes()
        length = struct.unpack('<Q', whole[:8])[0]

        def with_text(key, text):
            head = json.loads(whole[8:8 + length])
            self.assertIn('train.' + key, head['__metadata__'])
            head['__metadata__']['train.' + key] = text
            if text is None:
                del head['__metadata__']['train.' + key]
            head = json.dumps(head).encode()
            bad.write_bytes(struct.pack('<Q', len(head)) + head + whole[8 + length:])
        for key in ('hidden', 'task', 'classes', 'normalize', 'dropout', 'epochs', 'batch', 'seed',
                    'optimizer', 'momentum', 'weight-decay', 'schedule', 'validation', 'input'):
            for text in (None, '', '-', '0,0'):
                with self.subTest(key=key, text=text):
                    with_text(key, text)
                    for verb in (['train', '--resume'], ['eval'], ['predict']):
                        self.assert_fails(run(*verb, str(bad), '--data', self.data), 1,
                                          f'{bad}: its metadata', 'train.' + key)
                    self.assert_works(run('info', str(bad)))
        for key in ('step', 'epoch-steps', 'epoch-rows', 'epoch-loss', 'rows', 'schedule-steps'):
            for text in (None, '', '-', 'nan', '1e999')[2 * (key == 'schedule-steps'):]:
                with_text(key, text)
                self.assert_fails(run('train', '--resume', str(bad)), 1, bad, 'train.' + key)
        with_text('step', '9' * 18)
        self.assert_fails(run('train', '--resume', str(bad)), 1, bad, 'train.step = 9999')

    def test_parameters_that_are_no_numbers(self):
        model = self.folder / 'model'
        self.assert_works(self.train('model', *self.KEPT, '--steps', '5'))
        whole = bytearray(model.read_bytes())
        data = 8 + struct.unpack('<Q', whole[:8])[0]
        at = data + json.loads(whole[8:data])['fc1.weight']['data_offsets'][0]
        whole[at:at + 4] = struct.pack('<f', float('nan'))
        model.write_bytes(whole)
        self.assert_fails(self.train('new', '--resume', str(model)), 1, model,
                          'fc1.weight has a NaN')

    def test_the_data_are_remembered(self):
        name, model = pathlib.Path(self.data).name, str(self.folder / 'model')
        args = [WEFT, 'train', '--save', model, '--steps']
        begin = [*args, '5', '--data', name, *self.KEPT]
        subprocess.run(begin, cwd=TEMP, env=environment(), check=True, capture_output=True)
        self.assertIn(f'data      {name}\n', run('info', model).stdout)
        on = subprocess.run([*args, '9', '--resume', model], cwd=TEMP, env=environment(),
                            check=False, capture_output=True, text=True)
        self.assert_works(on)
        result = run('train', '--resume', model)  # elsewhere
        self.assert_fails(result, 1, name)
        self.assert_works(run('train', '--resume', model, '--data', self.data, '--steps', '12',
                              '--save', model))
        self.assertIn(f'data      {self.data}\n', run('info', model).stdout)

    def step_of(self, name):
        about = json.loads(run('info', '--json', str(self.folder / name)).stdout)
        return about['checkpoint']['step'], about['metadata']['train.epoch-steps']

    def test_an_output_that_ends_is_no_loss(self):
        whole = self.train('whole', *self.KEPT, '--steps', '24', '--schedule-steps', '144')
        self.assert_works(whole)
        with open('/dev/full', 'w') as full:
            result = self.train('full', *self.KEPT, stdout=full)
        self.assert_fails(result, 1, 'standard output: No space')
        reader, writer = os.pipe()
        os.close(reader)
        result = self.train('closed', *self.KEPT, stdout=writer)
        os.close(writer)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r'^training on .*\n$')
        for name in ('full', 'closed'):
            self.assertEqual((self.folder / name).read_bytes(),
                             (self.folder / 'whole').read_bytes())
            self.assertEqual(self.rows(name + 'log.csv'), self.rows('wholelog.csv'))

    def test_a_history_that_ends_is_no_loss(self):
        log = self.folder / 'pipe.csv'
        os.mkfifo(log)
        with subprocess.Popen([WEFT, 'train', '--data', self.data, *self.KEPT, '--log', str(log),
                               '--save', str(self.folder / 'model'), '--epochs', '100000'],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment()) as process:
            with open(log) as reader:
                self.assertIn('step,', reader.readline())
            errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 1)
        last = errors.splitlines()[-1]
        self.assertIn(f'{log}: Broken pipe; saved to {self.folder / "model"}', last)
        step, in_epoch = self.step_of('model')
        self.assertEqual((step % 24, in_epoch), (0, '0'))
        self.assertGreater(step, 0)

    def test_nothing_else_is_overwritten(self):
        mine, copy = self.folder / 'mine.csv', pathlib.Path(self.data)
        mine.write_bytes(copy.read_bytes())
        link = self.folder / 'link.csv'
        link.symlink_to(mine)
        args = ['train', '--data', str(mine), '--epochs', '1']
        for option in ('--log', '--save', '--trace'):
            for name in (str(mine), f'{self.folder}/../{self.folder.name}/mine.csv', str(link)):
                self.assert_fails(run(*args, option, name), 2, option, '--data', 'two files')
        new = str(self.folder / 'new.csv')
        self.assert_fails(run(*args, '--log', new, '--save', new), 2, '--log', '--save')
        self.assert_fails(run(*args, '--trace', new, '--save', f'{self.folder}/./new.csv'), 2,
                          '--trace', '--save')
        args[2] = self.data
        for option, kind in (('--log', 'history'), ('--save', 'safetensors'), ('--trace', 'trace')):
            self.assert_fails(run(*args, option, str(mine)), 1, mine, f'is there and is no {kind}')
        self.assertEqual(mine.read_bytes(), copy.read_bytes())
        self.assertFalse(pathlib.Path(new).exists())
        kinds = ['--log', str(self.folder / 'l.jsonl'), '--save', str(self.folder / 'model'),
                 '--trace', str(self.folder / 'trace')]
        (self.folder / 'model').touch()  # as mktemp makes it
        for _ in range(2):
            self.assert_works(run(*args, *kinds))
        for option in ('--log', '--trace'):
            name = str(self.folder / 'model')
            self.assert_fails(run(*args, '--resume', name, option, name), 2,
                              '.jsonl' if option == '--log' else '--resume and --trace')
        self.assertEqual(len((self.folder / 'l.jsonl').read_text().splitlines()), 1)

    def test_what_cannot_be_written_is_told_first(self):
        for option in ('--log', '--save', '--trace'):
            result = run('train', '--data', '/nonexistent', option, '/nope/l.csv', WEFT_DEVICE='x')
            self.assert_fails(result, 1, '/nope/l.csv: No such file')

    def test_an_interrupt_that_is_ignored(self):
        args = [WEFT, 'train', '--data', self.data, '--epochs', '1000000']
        with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment(),
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
                              ) as process:
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            for _ in range(20):
                self.assertTrue(process.stdout.readline())
            time.sleep(0.2)
            self.assertIsNone(process.poll())
            process.terminate()
            process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)

    def test_files_that_cannot_be_written(self):
        self.assert_fails(run('train', '--data', self.data, '--save', '/nonexistent/x'), 1,
                          '/nonexistent/x: No such')
        self.assert_fails(run('train', '--data', self.data, '--save', str(TEMP)), 1, TEMP)
        self.assert_fails(run('train', '--data', self.data, '--save', '/dev/full'), 1, '/dev/full')
        full = self.folder / 'full.csv'
        full.symlink_to('/dev/full')
        self.assert_fails(run('train', '--data', self.data, '--log', str(full)), 1, full,
                          'No space')
        self.assert_fails(run('train', '--data', self.data, '--log', '/nonexistent/x.csv'), 1,
                          '/nonexistent/x.csv')

    def test_a_full_disk_leaves_the_old_file(self):
        self.assert_works(self.train('model', *self.KEPT, '--steps', '5'))
        old = (self.folder / 'model').read_bytes()
        large = ['train', '--data', self.data, '--epochs', '2', '--hidden', '256', '--save']
        self.assert_works(run(*large, str(self.folder / 'large')))  # its kernels are there now
        (self.folder / 'large').unlink()
        result = run(*large, str(self.folder / 'model'), preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (8192, 8192)))
        self.assertEqual(result.returncode, 1, result.stderr)
        lines = [x for x in result.stderr.splitlines() if x.startswith('weft: ')]
        self.assertIn('training goes on', lines[0])
        self.assertIn('File too large', lines[-1])
        self.assertEqual((self.folder / 'model').read_bytes(), old)
        self.assertEqual(sorted(x.name for x in self.folder.iterdir()), ['model', 'modellog.csv'])

    def test_interrupted(self):
        model = self.folder / 'model'
        args = [WEFT, 'train', '--data', self.data, *self.KEPT, '--epochs', '1000000', '--save',
                str(model), '--schedule-steps', '1000']
        for how in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=environment()) as process:
                for _ in range(3):
                    process.stdout.readline()
                process.send_signal(how)
                errors = process.communicate(timeout=20)[1]
            self.assertEqual(process.returncode, 130, errors)
            last = errors.splitlines()[-1]
            found = re.search(r'stopped after step (\d+) of .*; saved to (.*)$', last)
            self.assertTrue(found and found[2] == str(model), last)
            about = json.loads(run('info', '--json', str(model)).stdout)
            self.assertEqual(about['checkpoint']['step'], int(found[1]))


class Info(Case):
    def write(self, name, data):
        path = TEMP / name
        path.write_bytes(data)
        return str(path)

    def test_arrays(self):
        npy = b"\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        npy = npy.ljust(127) + b'\n' + bytes(24)
        idx = b'\0\0\x08\3' + struct.pack('>3I', 2, 3, 4) + bytes(24)
        for name, data, kind, shape in (('a.npy', npy, 'npy', [2, 3]),
                                        ('a.idx', idx, 'IDX', [2, 3, 4]),
                                        ('b.gz', gzip.compress(idx), 'IDX, compressed', [2, 3, 4])):
            with self.subTest(name=name):
                path = self.write(name, data)
                text = run('info', path)
                self.assert_works(text)
                self.assertIn(f'[{",".join(map(str, shape))}]', text.stdout)
                self.assertRegex(text.stdout, r'\n  [a-] +(F32|U8) +\[')
                about = json.loads(run('info', path, '--json').stdout)
                self.assertEqual((about['format'], about['tensors'][0]['shape']), (kind, shape))
                self.assert_fails(run('info', self.write(name, data[:-1])), 1, name)
        with zipfile.ZipFile(TEMP / 'a.npz', 'w') as archive:
            archive.writestr('x.npy', npy)
            archive.writestr('y.npy', npy)
        about = json.loads(run('info', str(TEMP / 'a.npz'), '--json').stdout)
        self.assertEqual([t['name'] for t in about['tensors']], ['x', 'y'])
        cut = self.write('cut.npz', (TEMP / 'a.npz').read_bytes()[:-30])
        self.assert_fails(run('info', cut), 1, 'cut.npz')

    def test_safetensors(self):
        head = json.dumps({'__metadata__': {'by': 'a\x1b[1mb'},
                           'w': {'dtype': 'F16', 'shape': [2, 1], 'data_offsets': [0, 4]}}).encode()
        path = self.write('mine.safetensors', struct.pack('<Q', len(head)) + head + bytes(4))
        result = run('info', path)
        self.assert_works(result)
        self.assertIn('w  F16  [2,1]  4 bytes', result.stdout)
        self.assertNotIn('\x1b', result.stdout)
        one = self.write('one.idx', b'\0\0\x08\1' + struct.pack('>I', 1) + b'1')
        self.assertIn('\n1 tensor, 1 element, ', run('info', one).stdout)
        about = json.loads(run('info', path, '--json').stdout)
        self.assertEqual(about['metadata'], {'by': 'a\x1b[1mb'})
        self.assertEqual((about['elements'], about['bytes']), (2, 4))
        self.assertNotIn('checkpoint', about)
        self.assert_fails(run('eval', path), 1, path, 'weft train')

    def test_no_such_thing(self):
        self.assert_fails(run('info', '/nonexistent'), 1, '/nonexistent: No such file')
        self.assert_fails(run('info', str(TEMP)), 1, TEMP)
        text = self.write('text', b'a text of some length')
        self.assert_fails(run('info', text), 1, text, 'npz')
        with open('/dev/full', 'w') as full:
            path = self.write('x.idx', b'\0\0\x08\1' + struct.pack('>I', 1) + b'1')
            self.assert_fails(run('info', path, stdout=full), 1, 'standard output')


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
