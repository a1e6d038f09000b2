#!/usr/bin/env python3
"""Compiles each public header alone, twice in one file, without a warning.

usage: headers.py INCLUDE-DIR [--c COMMAND]... [--cxx COMMAND]...

As C11 with each --c compiler and as C++17 with each --cxx compiler. Exit code: 1 if one
fails; 77 if a compiler is not there.
"""
import argparse
import pathlib
import shlex
import shutil
import subprocess
import sys

FLAGS = ['-pedantic', '-Wall', '-Wextra', '-Wundef', '-Werror', '-fsyntax-only']


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('include', type=pathlib.Path)
    parser.add_argument('--c', action='append', default=[])
    parser.add_argument('--cxx', action='append', default=[])
    args = parser.parse_args()
    for missing in [c for c in args.c + args.cxx if not shutil.which(shlex.split(c)[0])]:
        print(f'{missing} was not found')
        return 77
    compilers = [shlex.split(c) + ['-x', 'c', '-std=c11'] for c in args.c]
    compilers += [shlex.split(c) + ['-x', 'c++', '-std=c++17'] for c in args.cxx]
    headers = sorted(args.include.glob('weft/*.h'))
    if not compilers or not headers:
        parser.error('no compiler or no header')

    bad = 0
    for header in headers:
        text = f'#include <weft/{header.name}>\n' * 2
        for compiler in compilers:
            run = subprocess.run([*compiler, *FLAGS, f'-I{args.include}', '-'], input=text,
                                 text=True, capture_output=True, check=False)
            if run.returncode != 0 or run.stderr:
                print(f'weft/{header.name}: {shlex.join(compiler)}:\n{run.stderr}')
                bad += 1
    return bad > 0


sys.exit(main())
