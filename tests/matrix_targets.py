#!/usr/bin/env python3
"""Compiles cl/matmul_gpu_matrix.cl for the GPUs whose matrix instructions it uses, and looks for these
instructions in the assembler text.

usage: matrix_targets.py FOLDER   of the kernels

Takes the newest clang that is there. What an older one has no target for is named, and is not
compiled: gfx940 and gfx1100, which clang has since version 15. Exit code: 0 if all others are right.
"""
import shutil
import subprocess
import sys

KINDS = {'F16': '-DX=half -DT=float -DY=half -DNARROW', 'BF16': '-DX=ushort -DT=float -DY=ushort -DNARROW',
         'F32': '-DBLOCK=256 -DKW=8', 'I8': '-DX=char -DT=uint -DY=int -DWHOLE'}
# ATOM, target, options, since which clang, and what has to be in the text, for each kind.
TARGETS = [
    ('NV', 'nvptx64-nvidia-nvcl', '-Xclang -target-cpu -Xclang sm_80 -Xclang -target-feature '
     '-Xclang +ptx70 -DSPLIT3', {'F16': 15},
     {'F16': 'm16n8k16.row.col.f32.f16.f16.f32', 'BF16': 'm16n8k16.row.col.f32.bf16.bf16.f32',
      'F32': 'm16n8k8.row.col.f32.tf32.tf32.f32', 'I8': 'm16n8k32.row.col.s32.s8.s8.s32'}),
    ('MFMA', 'amdgcn-amd-amdhsa', '-mcpu=gfx90a -DACROSS=2', {},
     {'F16': 'v_mfma_f32_16x16x16f16', 'BF16': 'v_mfma_f32_16x16x16bf16_1k',
      'F32': 'v_mfma_f32_16x16x4f32', 'I8': 'v_mfma_i32_16x16x16i8'}),
    ('MFMA3', 'amdgcn-amd-amdhsa', '-mcpu=gfx940 -DACROSS=2', dict.fromkeys(KINDS, 15),
     {'F16': 'v_mfma_f32_16x16x16_f16', 'BF16': 'v_mfma_f32_16x16x16_bf16',
      'F32': 'v_mfma_f32_16x16x4_f32', 'I8': 'v_mfma_i32_16x16x32_i8'}),
    ('WMMA', 'amdgcn-amd-amdhsa', '-mcpu=gfx1100', dict.fromkeys(KINDS, 15),
     {'F16': 'v_wmma_f32_16x16x16_f16', 'BF16': 'v_wmma_f32_16x16x16_bf16',
      'I8': 'v_wmma_i32_16x16x16_iu8'}),
]


def newest_clang():
    for version in range(30, 13, -1):
        if shutil.which(f'clang-{version}'):
            return f'clang-{version}', version
    sys.exit('matrix_targets: no clang-14 or newer')


def compile_one(clang, folder, atom, target, options, kind):
    command = [clang, '-x', 'cl', '-cl-std=CL2.0', '-Xclang', '-finclude-default-header', '-w', '-O2',
               '-S', '-o', '-', f'-I{folder}', '-DVIEWS=2', '-DRANK=1', '-target', target,
               *(['-nogpulib'] if 'amdgcn' in target else []), *options.split(),
               f'-DATOM=ATOM_{atom}', f'-DKIND=KIND_{kind}', *KINDS[kind].split(),
               f'{folder}/matmul_gpu_matrix.cl']
    return subprocess.run(command, capture_output=True, text=True)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    clang, version = newest_clang()
    failed = False
    for atom, target, options, since, wanted in TARGETS:
        for kind, text in wanted.items():
            if version < since.get(kind, 0):
                print(f'{atom} {kind}: {clang} has no target for it')
                continue
            done = compile_one(clang, sys.argv[1], atom, target, options, kind)
            found = done.stdout.count(text)
            print(f'{atom} {kind}: {found} {text}')
            if done.returncode or not found:
                print(done.stderr)
                failed = True
    sys.exit(failed)


main()
