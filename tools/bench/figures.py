"""The history of measurements: a file with a line of JSON for each figure, and what became faster
or slower since the last commit.

A line has: date (UTC), commit (with + where the tree had changes), machine, cores, device, driver,
threads (null: as many as there are), load (of the machine as the bench began), case, ms (weft's
median), and, in a bench against a rival, rival, rival_ms and ratio. Other fields may be there too.

Not run itself: see tools/bench/history.
"""
import datetime
import fcntl
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys

UNKNOWN = 'unknown commit'
SAME = ('machine', 'cores', 'device')  # what figures must share to be compared, and threads


def git(root, *args):
    """What git says of the checkout at root; None where there is none."""
    try:
        result = subprocess.run(['git', '-C', root, *args], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, check=False)
    except OSError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def commit_of(root):
    """Of the sources at root, not of a checkout that they happen to lie in."""
    top = git(root, 'rev-parse', '--show-toplevel')
    if not top or not os.path.samefile(top, root):
        return UNKNOWN
    return git(root, 'describe', '--always', '--abbrev=12', '--dirty=+', '--exclude=*') or UNKNOWN


def processor():
    try:
        text = pathlib.Path('/proc/cpuinfo').read_text(errors='replace')
    except OSError:
        text = ''
    models = (line.split(':', 1)[1].strip() for line in text.splitlines()
              if line.startswith('model name'))
    return next(models, platform.processor() or platform.machine())


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


def circumstances(root, weft, threads):
    """What all lines of a run share. `weft` is the command."""
    result = subprocess.run([weft, 'devices', '--json'], stdout=subprocess.PIPE, check=False)
    if result.returncode:  # it has said why
        sys.exit(result.returncode)
    found = json.loads(result.stdout)
    device = found['devices'][found['chosen']]
    return {'commit': commit_of(root), 'machine': processor(), 'cores': cores(),
            'device': device['name'], 'driver': device['driver'], 'threads': threads,
            'load': round(os.getloadavg()[0], 2)}


def append(path, lines):
    """In one write, behind what others append; a line that was cut short before stays alone."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')
    text = ''.join(json.dumps({'date': now, **line}) + '\n' for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'ab+', buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            text = text if file.read(1) == b'\n' else '\n' + text
        file.write(text.encode())


def parse(line):
    """None if the line is not whole."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    good = isinstance(row, dict) and isinstance(row.get('case'), str) \
        and isinstance(row.get('commit'), str) and isinstance(row.get('ms'), (int, float))
    return row if good and 0 < row['ms'] < math.inf else None


def read(path):
    """The lines, oldest first, and how many were left out because they are not whole."""
    text = path.read_bytes().decode(errors='replace')
    lines = [line for line in text.split('\n') if line.strip()]
    rows = [row for row in map(parse, lines) if row]
    return rows, len(lines) - len(rows)


def is_commit(row, against):
    """`against` may be the beginning of the name; of a tree with changes, with the +."""
    name, changed = row['commit'].rstrip('+'), row['commit'].endswith('+')
    return name.startswith(against.rstrip('+')) and changed == against.endswith('+')


def before_and_now(rows, against=None):
    """Pairs of lines, one for each case that the newest commit of the history has: the last figure
    of another commit (of `against`), and the newest one. Only on the machine of the last line."""
    if not rows:
        return []
    last = rows[-1]
    here = [row for row in rows if all(row.get(key) == last.get(key) for key in SAME)]
    before, now = {}, {}
    for row in here:
        key = row['case'], row.get('threads')
        if row['commit'] == last['commit']:
            now[key] = row
        elif not against or is_commit(row, against):
            before[key] = row
    return [(before[key], row) for key, row in now.items() if key in before]


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))
