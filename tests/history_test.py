#!/usr/bin/env python3
"""Tests the history of measurements, tools/bench/history, with histories made up here.

usage: history_test.py ROOT [arguments of unittest...]
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
BENCH = ROOT / 'tools' / 'bench'
sys.path.insert(0, str(BENCH))
sys.dont_write_bytecode = True
import figures  # noqa: E402 (its folder is only known now)

HERE = {'machine': 'A', 'cores': 2, 'device': 'D', 'driver': '1', 'threads': 2, 'load': 0}


def line(commit, case, ms, **other):
    return {**HERE, 'date': '2026-01-01T00:00:00+00:00', 'commit': commit, 'case': case, 'ms': ms,
            **other}


class History(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='weft-history-'))
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / 'history.jsonl'

    def write(self, *lines, end=''):
        self.path.write_text(''.join(json.dumps(x) + '\n' for x in lines) + end)

    def compare(self, *args):
        return subprocess.run([sys.executable, BENCH / 'history', '--history', self.path,
                               '--compare', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)

    def rows(self, *args):
        """By case, what --json says; and the summary."""
        result = self.compare(*args, '--json')
        self.assertEqual(result.returncode, 0, result.stderr)
        *rows, summary = map(json.loads, result.stdout.splitlines())
        return {row['case']: row for row in rows}, summary

    def test_the_last_commit_before(self):
        self.write(line('a', 'x/1', 8), line('a', 'y/1', 5), line('b', 'x/1', 4),
                   line('c', 'x/1', 9), line('c', 'y/1', 5), line('c', 'x/1', 2),
                   line('c', 'new/1', 1))
        rows, summary = self.rows()
        self.assertEqual(list(rows), ['x/1', 'y/1'])
        self.assertEqual(rows['x/1'], {'case': 'x/1', 'before': 'b', 'before_ms': 4, 'now': 'c',
                                       'now_ms': 2, 'ratio': 2, 'slower': False})
        self.assertEqual((rows['y/1']['before'], rows['y/1']['ratio']), ('a', 1))
        self.assertEqual(summary, {'summary': True, 'cases': 2, 'geomean': 1.4142, 'slower': 0})

    def test_a_commit_by_name(self):
        self.write(line('aaa111', 'x/1', 8), line('aaa111+', 'x/1', 7), line('bbb', 'x/1', 4),
                   line('ccc', 'x/1', 2))
        self.assertEqual(self.rows('aaa')[0]['x/1']['before_ms'], 8)
        self.assertEqual(self.rows('aaa+')[0]['x/1']['before_ms'], 7)
        result = self.compare('ddd')
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, 'no case of ccc has a figure of ddd')

    def test_changes_are_another_state_than_the_commit(self):
        self.write(line('a', 'x/1', 3), line('a+', 'x/1', 2))
        self.assertEqual(self.rows()[0]['x/1']['before'], 'a')

    def test_other_machines_devices_and_threads_do_not_count(self):
        self.write(line('a', 'x/1', 8), line('b', 'x/1', 7, machine='B'),
                   line('b', 'x/1', 6, device='E'), line('b', 'x/1', 5, threads=None),
                   line('c', 'x/1', 4), line('c', 'x/1', 1, threads=None))
        pairs = figures.before_and_now(figures.read(self.path)[0])
        self.assertEqual([(old['ms'], new['ms']) for old, new in pairs], [(8, 4), (5, 1)])

    def test_the_threshold(self):
        self.write(line('a', 'x/1', 100), line('a', 'y/1', 100), line('b', 'x/1', 109),
                   line('b', 'y/1', 111))
        rows, summary = self.rows()
        self.assertEqual([rows[case]['slower'] for case in ('x/1', 'y/1')], [False, True])
        self.assertEqual(summary['slower'], 1)
        self.assertEqual(self.rows('--threshold', '5')[1]['slower'], 2)
        text = self.compare().stdout.splitlines()
        self.assertRegex(text[2], r'^x/1 +a +100 +109 +0.92$')
        self.assertRegex(text[3], r'^y/1 +a +100 +111 +0.90  slower$')
        self.assertEqual(text[4], '2 cases: now 0.91 times as fast (geometric mean); '
                                  '1 slower by more than 10 %')

    def test_what_is_not_whole_is_left_out_with_one_message(self):
        self.write(line('a', 'x/1', 3), {'case': 'x/1'}, [1], line('a', 'x/1', 'fast'),
                   line('a', 'x/1', 0), line('b', 'x/1', 2), end='{"date": "2026-01-0')
        result = self.compare('--json')
        self.assertEqual(result.stderr.splitlines(),
                         [f'history: {self.path}: 5 lines are not whole and left out'])
        self.assertEqual(json.loads(result.stdout.splitlines()[0])['ratio'], 1.5)

    def test_appending_behind_a_torn_line(self):
        self.write(line('a', 'x/1', 3), end='{"date": "2026-01-0')
        figures.append(self.path, [{**HERE, 'commit': 'b', 'case': 'x/1', 'ms': 2}])
        figures.append(self.path, [{**HERE, 'commit': 'b', 'case': 'y/1', 'ms': 2}])
        rows, torn = figures.read(self.path)
        self.assertEqual(([row['case'] for row in rows], torn), (['x/1', 'x/1', 'y/1'], 1))
        self.assertRegex(rows[1]['date'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$')

    def test_other_fields_are_left_alone(self):
        self.write(line('a', 'x/1', 3, rival='r', ratio=2, humidity=0.4), line('b', 'x/1', 2))
        self.assertEqual(figures.read(self.path)[0][0]['humidity'], 0.4)
        self.assertEqual(self.rows()[0]['x/1']['before_ms'], 3)

    def test_a_busy_machine_and_another_driver_are_said(self):
        self.write(line('a', 'x/1', 3, load=7.5), line('b', 'x/1', 2, driver='2'))
        self.assertEqual(self.compare().stdout.splitlines()[-2:],
                         ['the driver was not always the same: 1, 2',
                          'the machine was busy (load up to 7.5): the figures say little'])

    def test_no_file_and_an_empty_one(self):
        result = self.compare()
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, 'No such file or directory; run a bench first')
        self.write()
        self.assertRegex(self.compare().stderr, 'no case of any commit')

    def test_outside_of_git(self):
        self.assertEqual(figures.commit_of(self.folder), figures.UNKNOWN)
        self.write(line('a', 'x/1', 3), line(figures.UNKNOWN, 'x/1', 2))
        self.assertEqual(self.rows()[0]['x/1']['now'], 'unknown commit')

    @unittest.skipUnless(shutil.which('git'), 'git is not here')
    def test_the_commit_of_a_checkout(self):
        def git(*args):
            subprocess.run(['git', '-C', self.folder, '-c', 'user.name=n', '-c', 'user.email=e',
                            *args], check=True, stdout=subprocess.DEVNULL)
        git('init', '--quiet')
        (self.folder / 'file').write_text('1')
        git('add', 'file')
        git('commit', '--quiet', '--message', 'one')
        clean = figures.commit_of(self.folder)
        self.assertRegex(clean, r'^[0-9a-f]{12}$')
        (self.folder / 'file').write_text('2')
        self.assertEqual(figures.commit_of(self.folder), clean + '+')
        below = self.folder / 'below'
        below.mkdir()
        self.assertEqual(figures.commit_of(below), figures.UNKNOWN)


unittest.main()
