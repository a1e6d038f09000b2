#!/usr/bin/env python3
"""Checks how long files, functions and lines are, and reports how long they are.

usage: lengths.py ROOT

Fails on a .c or .h file over 600 lines, a .cl file over 400, a function over 80 and a line over 100
columns. Functions over 60 lines are listed. The last lines say how many files and functions there
are, and their median, 90th percentile and longest.
"""
import pathlib
import statistics
import sys

FOLDERS = ['cl', 'examples', 'include', 'lib', 'tests', 'tools']
FILE_LINES = {'.c': 600, '.h': 600, '.cl': 400}
COLUMNS = 100
FUNCTION_LINES = 80
NOTED_LINES = 60
OVER = [20, 40, NOTED_LINES] # lines of functions that the report counts


def functions(lines):
    """Yields (line number, first line, length) of each function: its braces are in column 0, alone,
    as those of a table are not."""
    begin = None
    for number, line in enumerate(lines, 1):
        if line == '{':
            begin = number
        elif line.startswith('}') and begin is not None:
            yield begin, lines[begin - 2].strip(), number - begin - 1
            begin = None


def summary(what, lengths):
    deciles = statistics.quantiles(lengths, n=10)
    return (f'{len(lengths)} {what}: median {statistics.median(lengths):.0f} lines, 90th percentile '
            f'{deciles[-1]:.0f}, longest {max(lengths)}')


def main():
    root = pathlib.Path(sys.argv[1])
    bad, files, all_functions = 0, [], []
    for path in sorted(p for top in FOLDERS for p in (root / top).rglob('*')):
        if path.suffix not in FILE_LINES:
            continue
        name, lines = path.relative_to(root), path.read_text().splitlines()
        files.append(len(lines))
        if len(lines) > FILE_LINES[path.suffix]:
            print(f'{name}: {len(lines)} lines, at most {FILE_LINES[path.suffix]}')
            bad += 1
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                print(f'{name}:{number}: {len(line)} columns, at most {COLUMNS}')
                bad += 1
        for number, first, length in functions(lines):
            all_functions.append(length)
            if length > FUNCTION_LINES:
                print(f'{name}:{number}: {length} lines, at most {FUNCTION_LINES}: {first}')
                bad += 1
            elif length > NOTED_LINES:
                print(f'note: {name}:{number}: {length} lines: {first}')
    print(summary('files', files))
    print(summary('functions', all_functions) + ''.join(
        f', {sum(length > n for length in all_functions)} over {n}' for n in OVER))
    return bad > 0


sys.exit(main())
