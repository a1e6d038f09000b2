#!/usr/bin/env python3
"""Tests `weft tune`.

usage: command_tune_test.py WEFT [arguments of unittest...]
"""
import os
import pty
import random
import signal
import time

from command_case import (Case, ROOT, TEMP, WEFT, environment, json, lines_of_json, pathlib, run, shutil,
                          subprocess, tempfile, unittest)


def few_kernels():
    """Kernels with which the tiles do not compile, so that little is left to try."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=TEMP))
    shutil.copytree(ROOT / 'cl', folder / 'cl')
    for path in (folder / 'cl').glob('matmul_cpu*.cl'):
        path.write_text('#error none of these\n' + path.read_text())
    return str(folder / 'cl')


def tiny(n):
    return ','.join(f'{i + 1}x{8 + i}x{8 + i}' for i in range(n))


class Tune(Case):
    KEYS = ['op', 'dtype', 'm', 'n', 'k', 'count', 'a_transposed', 'b_transposed', 'us', 'rule_us',
            'variant', 'knobs', 'known', 'partial']

    def setUp(self):
        self.file = pathlib.Path(tempfile.mkdtemp(dir=TEMP)) / 'tuning.json'
        self.env = {'WEFT_TUNING': str(self.file), 'WEFT_CL_DIR': few_kernels()}

    def tune(self, *args, **changes):
        return run('tune', *args, timeout=600, **{**self.env, **changes})

    def test_json_and_going_on(self):
        problems = '8x9x10nt,7x6x5:3'
        result = self.tune('--problems', problems, '--json', '--budget', '600')
        self.assert_works(result)
        first, second = lines_of_json(result.stdout)
        self.assertEqual(list(first), self.KEYS)
        self.assertEqual([first[x] for x in ('dtype', 'm', 'n', 'k', 'count', 'b_transposed')],
                         ['F32', 8, 9, 10, 1, True])
        self.assertEqual((second['count'], second['a_transposed'], second['b_transposed']),
                         (3, False, False))
        for line in (first, second):
            self.assertLessEqual(line['us'], line['rule_us'])
            self.assertEqual((line['known'], line['partial']), (False, False))
        entries = json.loads(self.file.read_text())['entries']
        self.assertEqual([(x['form'], x['m'], x['count']) for x in entries],
                         [('nt', 8, 1), ('nn', 7, 3)])
        before = self.file.read_bytes()
        again = self.tune('--problems', problems, '--json')
        self.assertEqual([x['known'] for x in lines_of_json(again.stdout)], [True, True])
        self.assertEqual(self.file.read_bytes(), before)
        again = self.tune('--problems', problems, '--json', '--again', '--budget', '600')
        self.assertEqual([x['known'] for x in lines_of_json(again.stdout)], [False, False])

    def test_table(self):
        result = self.tune('--problems', '8x9x10tn', '--dtype', 'bf16', '--budget', '600')
        self.assert_works(result)
        head, row, count, file = result.stdout.splitlines()
        self.assertEqual(head.split(), ['problem', 'rule,', 'us', 'best,', 'us', 'gain', 'best'])
        self.assertRegex(row, r'^8x9x10tn BF16 +[0-9.]+ +[0-9.]+ ')
        self.assertRegex(count, r'^1 of 1 problem tuned, 0 before, in \d+ s$')
        self.assertEqual(file, str(self.file))

    def test_budget(self):
        result = self.tune('--budget', '0.001', WEFT_CL_DIR=None)
        self.assert_works(result)
        self.assertRegex(result.stdout, r'\n0 of \d+ problems tuned, .*; run it again to go on\n')
        self.assertTrue(json.loads(self.file.read_text())['entries'][0]['partial'])

    def test_progress_on_a_terminal(self):
        main, terminal = pty.openpty()
        process = subprocess.Popen([WEFT, 'tune', '--problems', '8x8x8', '--budget', '1'],
                                   stdout=subprocess.DEVNULL, stderr=terminal,
                                   env=environment(TERM='xterm', **self.env))
        self.assertEqual(process.wait(timeout=600), 0)
        os.close(terminal)
        self.assertIn(b'\rtuning 1/1: 8x8x8  0 tried', os.read(main, 1 << 16))
        os.close(main)

    def test_interrupted(self):
        process = subprocess.Popen([WEFT, 'tune', '--problems', tiny(60), '--budget', '600'], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=environment(**self.env))
        while not self.file.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=600)
        entries = json.loads(self.file.read_text())['entries']
        self.assertGreater(len(entries), 0)
        if process.returncode != 0: # else it was faster
            self.assertEqual(process.returncode, 130)
            self.assertIn(f'{len(entries)} of 60 problems tuned, 0 before', out)

    def test_killed_while_it_writes(self):
        problems, seen = tiny(60), 0
        draw = random.Random(7)
        for _ in range(8):
            process = subprocess.Popen([WEFT, 'tune', '--problems', problems, '--budget', '600'],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env=environment(**self.env))
            time.sleep(draw.random() * 1.5)
            process.kill()
            process.wait()
            if self.file.exists():
                entries = json.loads(self.file.read_text())['entries']
                self.assertGreaterEqual(len(entries), seen)
                seen = len(entries)
        result = self.tune('--problems', problems, '--budget', '600')
        self.assert_works(result)
        self.assertIn(f'60 of 60 problems tuned, {seen} before', result.stdout)

    def test_a_file_that_is_none(self):
        self.file.write_text('mine')
        result = self.tune('--problems', '8x8x8')
        self.assertEqual(result.returncode, 1)
        self.assertIn(f'weft: {self.file}: is no JSON', result.stderr)
        self.assertEqual(self.file.read_text(), 'mine')
        # Other programs only say so once.
        result = run('check', 'matmul', timeout=600, WEFT_TUNING=str(self.file))
        self.assert_works(result)
        self.assertEqual(self.file.read_text(), 'mine')

    def test_where_it_is(self):
        devices = json.loads(run('devices', '--json', WEFT_TUNING=str(self.file)).stdout)
        self.assertEqual(devices['devices'][0]['tuning'], str(self.file))
        home = str(self.file.parent)
        text = run('devices', HOME=home, XDG_DATA_HOME=None, WEFT_TUNING=None).stdout
        self.assertRegex(text, f'\n +tuning +{home}/.local/share/weft/tuning-[-a-z0-9]+\\.json\n')
        devices = json.loads(run('devices', '--json', WEFT_TUNING='').stdout)
        self.assertIsNone(devices['devices'][0]['tuning'])

    def test_bad_input(self):
        for problems in ('8', '8x8', '8x8x0', '8x8x8x8', '8x8x8n', '8x8x8nx', '8x8x8:', 'x', '8x8x8,',
                         '99999999999x1x1', '8x8x8 ', ','.join(['1x1x1'] * 65)):
            self.assert_fails(self.tune('--problems', problems), 2, '--problems', '64 products')
        self.assert_fails(self.tune('--op', 'fft'), 2, '"fft"', 'matmul')
        self.assert_fails(self.tune('--budget', '0'), 2, '"0"')
        self.assert_fails(self.tune('--device', 'nonesuch'), 1, '"nonesuch"')
        self.assert_fails(self.tune(WEFT_TUNE='soon'), 1, 'WEFT_TUNE', '"soon"', 'seconds')


if __name__ == '__main__':
    unittest.main()
