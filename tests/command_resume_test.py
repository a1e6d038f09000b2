#!/usr/bin/env python3
"""Tests that the command goes on with a training where it was stopped, and what it saves.

usage: command_resume_test.py WEFT [arguments of unittest...]
"""
import json
import os
import pathlib
import re
import resource
import signal
import struct
import subprocess
import tempfile
import time
import unittest

from command_case import (Case, PATIENCE, TEMP, WEFT, animal, environment,
                          lines_of_json, run, table)


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
            errors = process.communicate(timeout=60 * PATIENCE)[1]
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
            process.communicate(timeout=20 * PATIENCE)
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
                errors = process.communicate(timeout=20 * PATIENCE)[1]
            self.assertEqual(process.returncode, 130, errors)
            last = errors.splitlines()[-1]
            found = re.search(r'stopped after step (\d+) of .*; saved to (.*)$', last)
            self.assertTrue(found and found[2] == str(model), last)
            about = json.loads(run('info', '--json', str(model)).stdout)
            self.assertEqual(about['checkpoint']['step'], int(found[1]))


if __name__ == '__main__':
    unittest.main()
