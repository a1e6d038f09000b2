#!/usr/bin/env python3
"""Checks that a folder is a layer: what each file may include.

usage: layers.py ROOT

Prints each violation as file:line. Exit code: 1 if there are any.
"""
import pathlib
import re
import sys

# Folders of lib/; each may use those before it.
ORDER = ['base', 'dev', 'clblast', 'core', 'op', 'file', 'nn', 'data']

# Headers that only some places may include: the rule behind each line is in CONTRIBUTING.md.
ONLY = [
    (re.compile(r'CL/'), ('lib/dev/', 'lib/clblast/', 'include/weft/opencl.h', 'examples/'), 'OpenCL'),
    (re.compile(r'jansson\.h'), ('lib/base/json.c',), 'the JSON library'),
    (re.compile(r'xxhash\.h'), ('lib/base/hash.c',), 'the hash library'),
    (re.compile(r'(unistd|pthread|dlfcn|dirent|fcntl|signal|windows)\.h|sys/'),
     ('lib/base/os', 'tools/', 'examples/'), 'the operating system'),
]
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)')


def includes(path):
    """Yields (line number, is it quoted, name) for every include of a file."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def check_library(root, path, quoted, name):
    """What is wrong with an include of a file in lib/, or None."""
    layer = path.relative_to(root / 'lib').parts[0]
    folder = name.split('/')[0] if '/' in name else None
    if folder in ORDER:
        if not quoted:
            return f'<{name}> is no system header: write it in quotes'
        if ORDER.index(folder) > ORDER.index(layer):
            return f'"{name}": {folder} is above {layer}'
        return None if (root / 'lib' / name).exists() else f'"{name}" is not there'
    if quoted and not (root / 'cl' / name).exists():
        return f'"{name}" must name its folder in lib/, or be a header in cl/'
    return None


def check_public(root, path, quoted, name):
    """The same for include/weft/."""
    if quoted:
        return f'"{name}": a public header includes <weft/...> and system headers'
    if name.startswith('weft/') and not (root / 'include' / name).exists():
        return f'<{name}> is not there'
    return None


def check_reference(root, path, quoted, name):
    """The same for the references of the op test, tests/ref*, which the command uses too: public
    headers, system headers, headers of cl/ and each other."""
    ours = name.startswith('ref') and (root / 'tests' / name).exists()
    if quoted and not ours and not (root / 'cl' / name).exists():
        return f'"{name}": a reference includes <weft/...>, system headers, cl/*.h and tests/ref*.h'
    return check_program(root, path, False, name)


def check_command(root, path, quoted, name):
    """The same for tools/: as a program, and the references."""
    if quoted and name.startswith('ref') and (root / 'tests' / name).exists():
        return None
    return check_program(root, path, quoted, name)


def check_program(root, path, quoted, name):
    """The same for examples/: the public headers, system headers and their own files."""
    if quoted and ('/' in name or not (path.parent / name).exists()):
        return f'"{name}" is no file of its own folder'
    if not quoted and name.split('/')[0] in ORDER:
        return f'<{name}> is not public'
    return None


CHECKS = {'lib/**/*': check_library, 'include/**/*': check_public, 'tools/**/*': check_command,
          'examples/**/*': check_program, 'tests/ref*': check_reference}


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    bad = 0
    for files, check in CHECKS.items():
        for path in sorted(root.glob(files)):
            if path.suffix not in ('.c', '.h', '.def', '.cc', '.cpp'):
                continue
            place = path.relative_to(root).as_posix()
            for number, quoted, name in includes(path):
                wrong = check(root, path, quoted, name)
                for pattern, allowed, what in ONLY:
                    if pattern.match(name) and not place.startswith(allowed):
                        wrong = f'<{name}>: {what} is the business of {" and ".join(allowed)}'
                if wrong:
                    print(f'{place}:{number}: {wrong}')
                    bad += 1
    return bad > 0


sys.exit(main())
