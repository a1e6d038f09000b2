#!/usr/bin/env python3
"""Checks how long files and lines are, and lists long functions.

usage: lengths.py ROOT

Fails on a .c or .h file over 600 lines, a .cl file over 400 and a line over 100 columns. Functions
over 60 lines are only listed.
"""
import pathlib
import sys

FOLDERS = ['cl', 'examples', 'include', 'lib', 'tests', 'tools']
FILE_LINES = {'.c': 600, '.h': 600, '.cl': 400}
COLUMNS = 100
FUNCTION_LINES = 60


def long_functions(lines):
    """Yields (line number, first line, length) of each function: its braces are in column 0."""
    begin = None
    for number, line in enumerate(lines, 1):
        if line == '{':
            begin = number
        elif line.startswith('}') and begin is not None:
            if number - begin > FUNCTION_LINES:
                yield begin, lines[begin - 2], number - begin - 1
            begin = None


def main():
    root = pathlib.Path(sys.argv[1])
    bad = 0
    for path in sorted(p for top in FOLDERS for p in (root / top).rglob('*')):
        if path.suffix not in FILE_LINES:
            continue
        name, lines = path.relative_to(root), path.read_text().splitlines()
        if len(lines) > FILE_LINES[path.suffix]:
            print(f'{name}: {len(lines)} lines, at most {FILE_LINES[path.suffix]}')
            bad += 1
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                print(f'{name}:{number}: {len(line)} columns, at most {COLUMNS}')
                bad += 1
        for number, first, length in long_functions(lines):
            print(f'note: {name}:{number}: {length} lines: {first.strip()}')
    return bad > 0


sys.exit(main())
