#!/usr/bin/env python3
"""Checks that the library has no process-wide state and runs nothing by itself.

usage: state.py LIBRARY.a

No symbol of an object file may lie in writable memory (.data, .bss, .tdata, .tbss), and no object
may have constructors or destructors (.init_array, .fini_array, .ctors, .dtors) or ask for atexit().
Exit code: 1 if one does; 77 where the library was built with sanitizers or coverage, which add
their own.
"""
import re
import subprocess
import sys

# What may have some all the same, with the reason.
ALLOWED = {
    'clblast_clblast.c.o': 'CLBlast has its own for the process, behind this lock',
}
WRITABLE = re.compile(r'\.(data|bss|tdata|tbss)(?!\.rel\.ro)\b')
RUNS = re.compile(r'\s\.(init_array|fini_array|ctors|dtors|preinit_array)\b')


def main():
    out = subprocess.run(['objdump', '-h', '-t', sys.argv[1]], text=True, check=True,
                         capture_output=True).stdout
    if re.search(r'__(asan|tsan|ubsan|gcov|llvm_prof)', out):
        sys.exit(77)
    bad, member, allowed = [], '?', False
    for line in out.splitlines():
        if 'file format' in line:
            member = line.split(':')[0]
            allowed = member.rsplit('/', 1)[-1] in ALLOWED
        elif RUNS.search(line):
            bad.append(f'{member}: runs by itself: {line.strip()}')
        elif re.search(r'\*UND\*.*\b(__cxa_)?atexit\b', line):
            bad.append(f'{member}: asks for atexit')
        elif not allowed and re.match(r'[0-9a-f]+ [lgu ].{5}O ', line) and WRITABLE.search(line):
            bad.append(f'{member}: writable: {line.split()[-1]}')
    if not re.search(r'[0-9a-f]+ g.{5}F ', out):
        bad.append('no function was found: is this the library?')
    print('\n'.join(sorted(set(bad))))
    return bool(bad)


sys.exit(main())
