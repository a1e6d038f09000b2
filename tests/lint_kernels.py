#!/usr/bin/env python3
"""Compiles every kernel file with clang, without a warning, and checks its knobs.

usage: lint_kernels.py CLANG CL-DIR

Each file is compiled with its knobs at their defaults, and once more for every comment line in it
    // lint: -DKNOB=VALUE ...
which may go on in indented ones: as OpenCL C 1.2 without doubles, unless the line asks for them
(-DUSE_F64), and as OpenCL C 3.0 for a device of 32 bits without optional features; or, where the
line names a -target, for that alone. A knob is a macro in capitals of which the file, or a header
that it includes, asks whether it is defined. It must stand in an indented line of the comments
there, `//   KNOB  meaning`, and be set by a lint line: of this file if it is this file's, else of
any. INDEX is set by a lint line of each file.
A function that is inline but not static has no definition where a compiler chooses not to inline
it, so there may be none. Exit code: 1 if something of this is not so; 77 without clang.
"""
import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wundef', '-Wconversion',
            '-Wdouble-promotion', '-Wno-implicit-float-conversion', # of literals: (T)0.3
            '-Wno-sign-conversion', '-Wno-unused-parameter', # knobs decide which are used
            '-Wno-constant-logical-operand', # of macros: IS_NAN of a whole number
            '-Wno-unused-function'] # a file's kernels use some of its functions each
FLAGS = ['-x', 'cl', '-Xclang', '-finclude-default-header', '-fsyntax-only', '-Werror', *WARNINGS]
# Half stays: without it clang's own header hides vload_half, which is not part of the extension.
# A literal for every type, like (T)0.3, is then single: that it isn't double unseen, SMALL checks.
WITHOUT_F64 = ['-cl-std=CL1.2', '-Xclang', '-cl-ext=-cl_khr_fp64', '-cl-single-precision-constant']
WITH_F64 = ['-cl-std=CL1.2']
SMALL = ['-cl-std=CL3.0', '-target', 'spir-unknown-unknown', '-Xclang',
         '-cl-ext=-all,+cl_khr_fp16,+cl_khr_fp64,+__opencl_c_fp64']
INLINE = re.compile(r'(?<!static )\binline\b')
LINT = re.compile(r'^// lint:(.*(?:\n//  +.*)*)', re.M)
INCLUDE = re.compile(r'#include "(.*)"')
ASKS = re.compile(r'\b(?:ifn?def|defined) *\(?([A-Z]\w*)')
NAME = re.compile(r'\b[A-Z][A-Z0-9_]*\b')
GUARD = re.compile(r'WF_\w+_H')


def read(path):
    """A file's lines, each line that ends in a backslash joined with the next."""
    return path.read_text().replace('\\\n', ' ').splitlines()


def lint_lines(path):
    """What each lint line of a file defines."""
    return [shlex.split(text.replace('\n//', ' ')) for text in LINT.findall(path.read_text())]


def closure(path):
    """The file and the headers that it includes, directly or not."""
    found = [path]
    for at in found:
        for match in filter(None, map(INCLUDE.match, read(at))):
            if (header := path.parent / match.group(1)) not in found:
                found.append(header)
    return found


def knobs(path):
    """The macros of which a file asks whether they are defined."""
    asked = [line for line in read(path) if line.startswith('#')]
    return {name for name in ASKS.findall('\n'.join(asked)) if not GUARD.fullmatch(name)}


def documented(path):
    return {name for line in read(path) if line.startswith('//   ') for name in NAME.findall(line)}


def names_set(path):
    return {word[2:].split('=')[0].split('(')[0] for line in lint_lines(path) for word in line}


def wrong_knobs(paths):
    """Yields a line for each knob that has no comment, or that no lint line sets."""
    anywhere = set().union(*(names_set(path) for path in paths))
    for path in paths:
        known = set().union(*(documented(p) for p in closure(path)))
        for part in closure(path):
            for name in sorted(knobs(part) - known):
                yield f'{path.name}: {name} of {part.name}: no comment says what it is'
            for name in sorted(knobs(part) - (names_set(path) if part == path else anywhere)):
                yield f'{path.name}: {name} of {part.name}: no lint line sets it'
        if path.parent / 'common.h' in closure(path) and 'INDEX' not in names_set(path):
            yield f'{path.name}: no lint line sets INDEX'


def compile_file(clang, path, defines, device):
    """What clang says, or None."""
    run = subprocess.run([clang, *FLAGS, *device, f'-I{path.parent}', *defines, str(path)],
                         text=True, capture_output=True, check=False)
    errors = [line for line in run.stderr.splitlines() if 'error:' in line]
    return '\n'.join([f'{path.name} {shlex.join(defines)}', *errors]) if run.returncode else None


def main():
    clang, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if not shutil.which(clang):
        print(f'{clang} was not found')
        return 77
    paths = sorted(folder.glob('*.cl'))
    bad = list(wrong_knobs(paths))
    runs = []
    for path in paths:
        for defines in [[], *lint_lines(path)]:
            f64 = any('F64' in word for word in defines)
            devices = [WITH_F64 if f64 else WITHOUT_F64, SMALL]
            runs += [(path, defines, device) for device in
                     ([[]] if '-target' in defines else devices)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        bad += filter(None, pool.map(lambda run: compile_file(clang, *run), runs))
    for path in sorted(folder.glob('*.[ch]*')):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if INLINE.search(line.split('//')[0]):
                bad.append(f'{path.name}:{number}: inline, wanted static inline')
    print(*bad, f'{len(runs)} compiled, {len(bad)} faults', sep='\n')
    return min(len(bad), 1)


sys.exit(main())
