#!/usr/bin/env python3
"""Compiles every kernel file with clang, as OpenCL C 1.2 and without a warning.

usage: lint_kernels.py CLANG CL-DIR

Each file is compiled with its knobs at their defaults, and once more for every comment line
    // lint: -DKNOB=VALUE ...
in it. A function that is inline but not static has no definition where a compiler chooses not to
inline it, so there may be none. Exit code: 1 if a file doesn't compile, or has one.
"""
import pathlib
import re
import shlex
import subprocess
import sys

FLAGS = ['-x', 'cl', '-cl-std=CL1.2', '-Xclang', '-finclude-default-header', '-fsyntax-only',
         '-Wall', '-Wno-unused-function', '-Werror'] # a file's kernels use some of its functions each
INLINE = re.compile(r'(?<!static )\binline\b')
LINT = re.compile(r'\s*//\s*lint:(.*)')


def main():
    clang, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    bad = runs = 0
    for path in sorted(folder.glob('*.cl')):
        lines = [LINT.match(line) for line in path.read_text().splitlines()]
        for defines in [[]] + [shlex.split(line.group(1)) for line in lines if line]:
            runs += 1
            run = subprocess.run([clang, *FLAGS, f'-I{folder}', *defines, str(path)], text=True,
                                 capture_output=True, check=False)
            if run.returncode != 0:
                print(f'{path.name} {shlex.join(defines)}\n{run.stderr}')
                bad += 1
    for path in sorted(folder.glob('*.[ch]*')):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if INLINE.search(line.split('//')[0]):
                print(f'{path.name}:{number}: inline, wanted static inline')
                bad += 1
    print(f'{runs} compiled, {bad} of them with errors')
    return bad > 0


sys.exit(main())
