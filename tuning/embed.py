#!/usr/bin/env python3
"""Turns the tuning files of a folder into one C table.

usage: embed.py -o shipped.c -d shipped.d FOLDER

Every .json file of the folder is one that `weft tune` has written. The second output tells ninja what
the table was made of: the folder itself too, so that a file that was dropped in is found.
"""
import argparse
import json
import pathlib

TEXTS = ('platform', 'device', 'vendor', 'type', 'driver', 'version')
SIZES = ('m', 'n', 'k', 'count')


def quote(text):
    """A C string; what is not plain ASCII as octal escapes, which end by themselves."""
    return '"' + ''.join(chr(c) if 32 <= c < 127 and chr(c) not in '"\\?' else f'\\{c:03o}'
                         for c in text.encode()) + '"'


def entry(e):
    sizes = ', '.join(f'.{size} = {int(e[size])}' for size in SIZES)
    names = ', '.join(f'.{name} = {quote(e[name])}' for name in ('op', 'dtype', 'form'))
    knobs = ', '.join(f'{{{quote(name)}, {int(value)}}}' for name, value in e['knobs'].items())
    return (f'    {{.problem = {{{sizes}, {names}}}, .variant = {quote(e["variant"])}, '
            f'.knob = {{{knobs or "{0}"}}}, .ns = {int(e["ns"])}, .rule_ns = {int(e["rule_ns"])}}},\n')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-o', required=True, type=pathlib.Path)
    parser.add_argument('-d', required=True, type=pathlib.Path)
    parser.add_argument('folder', type=pathlib.Path)
    args = parser.parse_args()
    files = sorted(args.folder.glob('*.json'))
    out, rows = ['#include "dev/tuning.h"\n\n'], []
    for i, path in enumerate(files):
        data = json.loads(path.read_text(encoding='utf-8'))
        if not data['entries']:
            continue
        out.append(f'static const struct wf_tuning_entry entries_{i}[] = {{ // {path.name}\n'
                   + ''.join(map(entry, data['entries'])) + '};\n')
        about = ', '.join(f'.{name} = {quote(data[name])}' for name in TEXTS)
        rows.append(f'    {{.about = {{.kernels = {int(data["kernels"])}, {about}}}, '
                    f'.entry = entries_{i}, .count = {len(data["entries"])}}},\n')
    out.append('\nconst struct wf_tuning_shipped wf_tuning_shipped[] = {\n'
               + ''.join(rows) + '    {.entry = 0},\n};\n')
    args.o.write_text(''.join(out))
    inputs = ' '.join(str(path).replace(' ', '\\ ') for path in [args.folder, *files])
    args.d.write_text(f'{args.o}: {inputs}\n')


main()
