#!/usr/bin/env python3
"""Counts test cases after `meson test`. The last line is `N passed, N failed, N skipped`.

usage: count.py [--gates] FILE...
  --gates   names the tests of suite `gate` that passed; one that was skipped, for want of its tool,
            is a failure

A FILE is a log of meson's, *.json, or else what this script or tests/vendors printed; its last line
is added.

A test whose environment has CK_TAP_LOG_FILE_NAME is a Check program: each of its cases counts, and
if it ended early, that is a failure more. Any other test is one case.
Exit code: 0 if something ran and nothing failed.
"""
import collections
import json
import pathlib
import re
import sys

KEYS = ('passed', 'failed', 'skipped')
COUNTS = re.compile(', '.join(rf'(\d+) {key}' for key in KEYS) + '$')
PLAN = re.compile(r'1\.\.(\d+)$')


def count_cases(path, count):
    """Adds the cases of a Check log; returns whether the log is whole."""
    lines = path.read_text(errors='replace').splitlines() if path.exists() else []
    passed = sum(line.startswith('ok ') for line in lines)
    failed = sum(line.startswith('not ok ') for line in lines)
    count['passed'] += passed
    count['failed'] += failed
    plan = PLAN.match(lines[-1]) if lines else None
    return plan is not None and int(plan.group(1)) == passed + failed


def count_test(test, count):
    """Adds one test of meson's log; returns what is wrong beyond failed cases, or None."""
    if test['result'] == 'SKIP':
        count['skipped'] += 1
        return None
    before = count['failed']
    log = test['env'].get('CK_TAP_LOG_FILE_NAME')
    good = test['result'] in ('OK', 'EXPECTEDFAIL')
    if log is None:
        count['passed' if good else 'failed'] += 1
        return None if good else test['result']
    if not count_cases(pathlib.Path(log), count):
        count['failed'] += 1
        return f'{test["result"]}, ended before its last case (exit status {test["returncode"]})'
    if not good and count['failed'] == before:
        count['failed'] += 1
        return f'{test["result"]} after its last case (exit status {test["returncode"]})'
    return None if good else f'{count["failed"] - before} cases'


def check_gate(test, passed):
    """Notes a gate that passed; returns what is wrong, or None."""
    name = test['name'].rsplit(' / ')[-1]
    if test['result'] == 'OK':
        passed.append(name)
    elif test['result'] == 'SKIP':
        return f'{(test.get("stdout") or "").strip()}, and without it there is no {name} check'
    return None


def count_log(path, count, gates=None):
    """Adds the tests of meson's log, and says which failed. gates: those that passed; None: a gate
    may be skipped."""
    for line in path.read_text().splitlines() if path.exists() else []:
        test = json.loads(line)
        wrong = count_test(test, count)
        if gates is not None and 'gate' in test['name'].split(' / ')[0]:
            missing = check_gate(test, gates)
            count['failed'] += missing is not None
            count['skipped'] -= missing is not None
            wrong = wrong or missing
        if wrong:
            print(f'failed: {test["name"]}: {wrong}')


def add_counted(lines, count):
    """Adds what was counted before; without it something ended early, which is a failure."""
    found = COUNTS.match(lines[-1]) if lines else None
    count.update(dict(zip(KEYS, map(int, found.groups()))) if found else {'failed': 1})


def text(count):
    return ', '.join(f'{count[key]} {key}' for key in KEYS)


def main():
    count, gates = collections.Counter(), [] if '--gates' in sys.argv else None
    for name in [a for a in sys.argv[1:] if a != '--gates']:
        path = pathlib.Path(name)
        if path.suffix == '.json':
            count_log(path, count, gates)
        else:
            add_counted(path.read_text().splitlines() if path.exists() else [], count)
    if gates is not None:
        print(f'gates passed: {", ".join(sorted(gates)) or "none"}')
    print(text(count))
    return count['failed'] > 0 or not count.total()


if __name__ == '__main__':
    sys.exit(main())
