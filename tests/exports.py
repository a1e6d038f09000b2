#!/usr/bin/env python3
"""Compares the symbols that the shared library exports with the list in the repository.

usage: exports.py LIBRARY LIST

A new public function is added to the list by hand, in its place: LC_ALL=C sort. Exit code: 1 if the
two differ.
"""
import pathlib
import subprocess
import sys


def main():
    library, wanted = sys.argv[1], pathlib.Path(sys.argv[2]).read_text().splitlines()
    table = subprocess.run(['nm', '-D', '--defined-only', '-P', library], text=True, check=True,
                           capture_output=True).stdout
    # A leading underscore is the compiler's own: _init, __odr_asan...
    found = {line.split()[0].split('@')[0] for line in table.splitlines() if line[0] != '_'}
    for name in sorted(found - set(wanted)):
        print(f'{name}: exported, but not in {sys.argv[2]}')
    for name in sorted(set(wanted) - found):
        print(f'{name}: in {sys.argv[2]}, but not exported')
    if wanted != sorted(set(wanted)):
        print(f'{sys.argv[2]}: not sorted, or a name stands twice')
    return found != set(wanted) or wanted != sorted(set(wanted))


sys.exit(main())
