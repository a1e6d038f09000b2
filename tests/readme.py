#!/usr/bin/env python3
"""Checks that the program in the README is the example that it says it is.

usage: readme.py README.md examples/first.c
"""
import pathlib
import sys

readme, example = (pathlib.Path(a).read_text() for a in sys.argv[1:])
if f'```c\n{example}```' not in readme:
    sys.exit(f'the C program in {sys.argv[1]} is not {sys.argv[2]}, word for word')
