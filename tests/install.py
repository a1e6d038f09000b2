#!/usr/bin/env python3
"""Installs the library into a folder of its own, and builds and runs a program against what is
there, with nothing but what `pkg-config --cflags --libs weft` says; and one against libweft-data.

usage: install.py BUILD COMPILER...

Exit code: 1 if that fails; 77 where there is no pkg-config or no meson.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM = r'''
#include <stdio.h>
#include <weft/weft.h>
int main(void)
{
    struct weft_error err = {0};
    weft_device_list *list = weft_device_list_create(NULL, &err);
    printf("%s %d\n", weft_version_text(), weft_version() == WEFT_VERSION && list);
    weft_device_list_destroy(&list);
    return 0;
}
'''

DATA_PROGRAM = r'''
#include <stdio.h>
#include <weft/csv.h>
#include <weft/npz.h>
#include <weft/weft.h>
int main(void)
{
    struct weft_error err = {0};
    weft_data *data = weft_data_csv(NULL, NULL, &err);
    weft_npz *file = weft_npz_open("nowhere.npz", &err);
    printf("%s %d\n", weft_version_text(), err.status && !data && !file);
    return 0;
}
'''


def run(command, **more):
    result = subprocess.run(command, text=True, capture_output=True, check=False, **more)
    if result.returncode:
        sys.exit(f'{" ".join(map(str, command))}:\n{result.stdout}{result.stderr}')
    return result.stdout


def main():
    build, compiler = sys.argv[1], sys.argv[2:]
    if not shutil.which('pkg-config') or not shutil.which('meson'):
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        run(['meson', 'install', '-C', build, '--no-rebuild', '--destdir', folder])
        pc = next(pathlib.Path(folder).rglob('weft.pc'))
        env = dict(os.environ, PKG_CONFIG_PATH=pc.parent, PKG_CONFIG_SYSROOT_DIR=folder)
        version = run(['pkg-config', '--modversion', 'weft'], env=env).strip()
        for name, text in ('weft', PROGRAM), ('weft-data', DATA_PROGRAM):
            flags = run(['pkg-config', '--cflags', '--libs', name], env=env).split()
            source, program = pathlib.Path(folder, 'use.c'), pathlib.Path(folder, 'use')
            source.write_text(text)
            run([*compiler, '-std=c11', '-Wall', '-Werror', source, '-o', program, *flags])
            out = run([program], env=dict(os.environ, LD_LIBRARY_PATH=pc.parent.parent)).split()
            if out != [version, '1']:
                sys.exit(f'the {name} program printed {out}; version {version} was wanted')
        needed = run(['readelf', '-d', pathlib.Path(pc.parent.parent, 'libweft.so')])
        for name in ('libOpenCL', 'libstdc++', 'libcsv', 'libzip'):
            if name in needed:
                sys.exit(f'libweft.so is linked with {name}')


main()
