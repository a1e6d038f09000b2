#!/usr/bin/env python3
"""Tests the command from outside: its output, its exit codes, and what it says to bad input.

usage: command_test.py WEFT [arguments of unittest...]
"""
import gzip
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

from command_case import Case, PATIENCE, ROOT, TEMP, WEFT, environment, lines_of_json, run


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
        self.assertRegex(result.stdout, r'^matmul +0/3 .*matmul(_cpu)?\.cl')

    def test_bad_input(self):
        self.assert_fails(run('check', 'nonesuch'), 2, '"nonesuch"', 'wanted the name of an op')
        self.assert_fails(run('check', 'add', 'sub'), 2, '"sub"', 'wanted one OP')
        self.assert_fails(run('check', 'add', '--device', 'nonesuch'), 1, '"nonesuch"')


class Bench(Case):
    KEYS = ['case', 'device', 'ms', 'ms_min', 'chain_ms', 'over_launch_us', 'gflop_s', 'gb_s',
            'peak_percent']

    def test_text(self):
        result = run('bench', 'matmul', '--filter', '/128', '--seconds', '0.01')
        self.assert_works(result)
        _, most, columns, *cases = result.stdout.splitlines()
        self.assertRegex(most, r'^at most: copies [0-9.]+ GB/s, reads [0-9.]+ GB/s \(4 MiB \d+\), '
                               r'multiplies and adds \d+ GFLOP/s \(F64 \d+\); '
                               r'an empty launch [0-9.]+ us$')
        self.assertEqual(columns.split(), ['case', 'ms', 'least', 'chain', 'us', 'over', 'GFLOP/s',
                                           'GB/s', 'peak'])
        self.assertRegex(cases[0], r'^matmul/128( +-?[0-9.]+){7}%$')

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
        self.assertIsNone(square['chain_ms'])
        self.assertIsNone(cases['reshape/16M']['gb_s'])

    def test_cases_with_a_state(self):
        for op in ('mlp', 'host', 'sgd', 'peak'):
            result = run('bench', op, '--seconds', '0.01', '--json')
            self.assert_works(result)
            for case in lines_of_json(result.stdout):
                self.assertTrue(case['case'].startswith(op + '/'))
                self.assertGreater(case['ms'], 0)

    def test_products(self):
        result = run('bench', '--filter', '32x', '--seconds', '0.01', '--json')
        self.assert_works(result)
        for case in lines_of_json(result.stdout):
            m, k, n = map(int, re.search(r'/(\d+)x(\d+)x(\d+)', case['case']).groups())
            self.assertGreater(case['chain_ms'], 0)
            self.assertAlmostEqual(case['gflop_s'] / (2e-6 * m * k * n / case['chain_ms']), 1, 3)

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
        return subprocess.run([self.BENCH / name, *args], stdout=subprocess.PIPE,
                              timeout=120 * PATIENCE,
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
                '0.001', '--rounds', '2', '--no-history', '--filter']
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
        self.assertEqual(result.returncode, 77) # tools/bench/all goes on
        self.assertIn('"nonesuch"', result.stderr)
        result = self.bench('matmul', *args, 'nonesuch') # all names of products were understood
        self.assertEqual(result.returncode, 77, result.stderr)


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


if __name__ == '__main__':
    unittest.main()
