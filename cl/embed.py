#!/usr/bin/env python3
"""Turns kernel files into one C table, with every #include "x" pasted in.

usage: embed.py -o kernels.c a.cl b.cl ...

The text is emitted as numbers: C11 promises string literals of 4,095 characters only. #line keeps
the file names and line numbers of what was pasted, so that a build log names them.
"""
import argparse
import pathlib
import re

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


def flatten(path, seen):
    """The lines of a file, includes pasted at their first place."""
    if path in seen:
        return []
    seen.add(path)
    lines = [f'#line 1 "{path.name}"\n']
    for number, line in enumerate(path.read_text().splitlines(keepends=True), 1):
        include = INCLUDE.match(line)
        if include:
            lines += flatten(path.parent / include.group(1), seen)
            lines.append(f'#line {number + 1} "{path.name}"\n')
        else:
            lines.append(line)
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-o', required=True, type=pathlib.Path)
    parser.add_argument('cl', nargs='+', type=pathlib.Path)
    args = parser.parse_args()
    out = ['#include "kernels.h"\n\n']
    for path in args.cl:
        data = ''.join(flatten(path, set())).encode() + b'\0'
        numbers = ','.join(map(str, data))
        out.append(f'static const char {path.stem}_text[] = {{{numbers}}};\n')
    rows = ''.join(f'    {{"{path.stem}", {path.stem}_text}},\n' for path in args.cl)
    out.append(f'\nconst struct wf_kernel_source wf_kernel_sources[] = {{\n{rows}    {{0}},\n}};\n')
    args.o.write_text(''.join(out))


main()
