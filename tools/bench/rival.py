"""What the benches against rivals share: the options, a Python with the rivals, the clock, and the
rounds, in which weft and its rivals take turns on the same case.

Not run itself: see tools/bench/elementwise and its neighbours.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import figures

ROOT = pathlib.Path(__file__).resolve().parents[2]
MIN_RUNS = 7  # as in tools/weft/bench_run.c
THREADS = 2
BUSY = 0.5  # a load above it
NAME = 32  # columns for a case's name
HISTORY = 'bench-history.jsonl'  # in the build folder
NO_CASE = 77  # exit code; tools/bench/all goes on


def newest_build():
    """The folder in the checkout whose command was built last."""
    built = {path: path.stat().st_mtime for path in ROOT.glob('*/tools/weft') if path.is_file()}
    return max(built, key=built.get).parents[1] if built else ROOT / 'build'


def options(doc, extra={}):
    """`extra`: further ones, {name: what add_argument() takes}."""
    parser = argparse.ArgumentParser(description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', type=pathlib.Path, default=newest_build(),
                        help='the build folder with tools/weft [the newest]')
    parser.add_argument('--python', type=pathlib.Path,
                        help='a Python that has the rivals [BUILD/bench-venv, made on first use]')
    parser.add_argument('--filter', default='', metavar='TEXT',
                        help='only cases whose name contains TEXT')
    parser.add_argument('--rounds', type=int, default=3, metavar='N',
                        help='turns of each side on a case; the median counts [3]')
    parser.add_argument('--seconds', type=float, default=0.3, metavar='X',
                        help='how long a turn lasts, at least seven runs [0.3]')
    parser.add_argument('--keep-memory', action='store_true',
                        help='the rival keeps memory for the next run, where by default each large '
                        'result is made of fresh pages of the system')
    parser.add_argument('--json', action='store_true',
                        help='one object a line for each case, at last a summary of each rival')
    parser.add_argument('--history', type=pathlib.Path, metavar='FILE',
                        help='the figures are added to it (tools/bench/history compares) '
                        '[BUILD/bench-history.jsonl]')
    parser.add_argument('--no-history', action='store_true', help='add them nowhere')
    for names, more in extra.items():
        parser.add_argument(names, **more)
    args = parser.parse_args()
    if args.rounds < 1 or args.seconds <= 0:
        parser.error('--rounds wants at least 1, --seconds more than 0')
    if not (args.build / 'tools' / 'weft').exists():
        parser.error(f'{args.build}/tools/weft is not there: build first, or name another --build')
    if args.python and not args.python.exists():
        parser.error(f'--python {args.python} is not there')
    args.history = args.history or args.build / HISTORY
    return args


def make_venv(folder, packages):
    """A virtual environment, cached in the build folder."""
    ready = folder / 'ready'  # lists what is there whole; what was cut short is installed again
    have = set(ready.read_text().split()) if ready.exists() else set()
    if not have:
        subprocess.run([sys.executable, '-m', 'venv', '--clear', folder], check=True)
    if not have.issuperset(packages):
        print(f'installing {" and ".join(packages)} into {folder}', file=sys.stderr, flush=True)
        pip = [folder / 'bin' / 'python', '-m', 'pip', 'install', '--quiet', '--no-cache-dir']
        if subprocess.run([*pip, *packages], check=False).returncode:
            sys.exit(f'{pathlib.Path(sys.argv[0]).name}: {" and ".join(packages)} could not be '
                     'installed; --python names a Python that has them')
        ready.write_text(' '.join(sorted(have.union(packages))))
    return folder / 'bin' / 'python'


def enter(args, packages=('torch', 'numpy')):
    """Goes on in the Python that has the rivals, with as many threads for each side."""
    if 'WEFT_BENCH_ENTERED' not in os.environ:
        python = args.python or make_venv(args.build / 'bench-venv', packages)
        threads = str(THREADS)
        env = dict(os.environ, WEFT_BENCH_ENTERED='1', OPENBLAS_NUM_THREADS=threads,
                   OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads,
                   POCL_MAX_PTHREAD_COUNT=threads)
        if args.keep_memory: # glibc's malloc then neither maps a block of its own nor gives it back
            env.update(MALLOC_MMAP_MAX_='0', MALLOC_TRIM_THRESHOLD_=str(1 << 40))
        os.execve(python, [python, *sys.argv], env)


def load_torch():
    import torch
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    return torch


def time_ms(run, seconds):
    """The median of the runs, in milliseconds."""
    run()
    run()
    times, total = [], 0
    while len(times) < MIN_RUNS or (total < seconds and len(times) < 2000):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
        total += times[-1]
    return statistics.median(times) * 1e3


def chain_ms(run, seconds):
    """A run's part of many in a row, in milliseconds: the median of several such chains. What only
    enqueues has a run.finish(), called at their end."""
    finish = getattr(run, 'finish', lambda: None)

    def chain(calls):
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        finish()
        return time.perf_counter() - begin
    chain(2)
    calls = max(2, min(10000, int(0.02 / (chain(4) / 4))))  # of 20 ms, as weft's
    times, total = [], 0
    while len(times) < MIN_RUNS or total < seconds:
        times.append(chain(calls))
        total += times[-1]
    return statistics.median(times) / calls * 1e3


class Weft:
    """`weft bench`, a process for each turn."""

    def __init__(self, args):
        self.command = [args.build / 'tools' / 'weft', 'bench']
        self.seconds = args.seconds
        self.circumstances = figures.circumstances(ROOT, self.command[0], THREADS)

    def names(self):
        return self.run('--list').split()

    def run(self, *args):
        result = subprocess.run([*self.command, *args], check=False, stdout=subprocess.PIPE,
                                text=True)
        if result.returncode:
            sys.exit(f'{pathlib.Path(sys.argv[0]).name}: weft bench {" ".join(args)} failed')
        return result.stdout

    def measure(self, name):
        """What --json says of a case."""
        return json.loads(self.run(name, '--seconds', str(self.seconds), '--json', '--no-peak'))

    def time_ms(self, name):
        return self.measure(name)['ms']


def choose(args, cases, weft):
    """Those that weft has and the filter names; ends if there are none."""
    known = set(weft.names())
    chosen = {name: rivals for name, rivals in cases.items()
              if name in known and args.filter in name}
    if not chosen:
        print(f'{pathlib.Path(sys.argv[0]).name}: no case contains "{args.filter}"',
              file=sys.stderr)
        sys.exit(NO_CASE)
    return chosen


def take_turns(args, rivals, weft, weft_ms, rival_ms):
    """The median of each side of a case. What a rival's function makes may be None: not for it."""
    runs = {rival: make() for rival, make in rivals.items()}
    times = {side: [] for side in ['weft', *runs] if side == 'weft' or runs[side]}
    for _ in range(args.rounds):
        for side, list_ in times.items():
            list_.append(weft_ms() if side == 'weft' else rival_ms(runs[side], args.seconds))
    return {side: statistics.median(list_) for side, list_ in times.items()}


def compare(args, cases, weft_ms=Weft.time_ms, rival_ms=time_ms, finish=None):
    """Runs the cases, {name: {rival: a function that makes the function to time}}, and prints.

    At the end, a summary of each rival, or what finish() makes of {rival: {name: ratio}}."""
    weft = Weft(args)
    chosen = choose(args, cases, weft)
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f'the machine is busy (load {load:.1f}): the figures say little', file=sys.stderr)
    if not args.json:
        print(f'{"case":{NAME}}{"rival":>10}{"weft ms":>12}{"rival ms":>12}{"ratio":>8}')
    ratios = {}
    for name, rivals in chosen.items():
        times = take_turns(args, rivals, weft, lambda: weft_ms(weft, name), rival_ms)
        weft_time = times.pop('weft')
        if not times:
            report_alone(args, weft, name, weft_time)
        for rival, rival_time in times.items():
            ratio = report(args, name, rival, weft_time, rival_time)
            ratios.setdefault(rival, {})[name] = ratio
            if not args.no_history:
                figures.append(args.history, [{
                    **weft.circumstances, 'case': name, 'ms': weft_time,
                    'rival': rival, 'rival_ms': rival_time, 'ratio': ratio}])
    if finish:
        finish(ratios)
        return
    for rival, by_case in ratios.items():
        summarize(args, rival, by_case)


def report_alone(args, weft, name, weft_ms):
    """A case that no rival has."""
    if args.json:
        print(json.dumps({'case': name, 'rival': None, 'weft_ms': round(weft_ms, 6)}), flush=True)
    else:
        print(f'{name:{NAME}}{"-":>10}{weft_ms:12.4g}', flush=True)
    if not args.no_history:
        figures.append(args.history, [{**weft.circumstances, 'case': name, 'ms': weft_ms}])


def report(args, name, rival, weft_ms, rival_ms):
    ratio = rival_ms / weft_ms
    if args.json:
        row = {'case': name, 'rival': rival, 'weft_ms': round(weft_ms, 6),
               'rival_ms': round(rival_ms, 6), 'ratio': round(ratio, 4)}
        print(json.dumps(row), flush=True)
    else:
        print(f'{name:{NAME}}{rival:>10}{weft_ms:12.4g}{rival_ms:12.4g}{ratio:8.2f}', flush=True)
    return ratio


def summarize(args, rival, by_case, group=None):
    """`group`: what the cases are, where there are others too."""
    geomean = figures.geometric_mean(by_case.values())
    worst = min(by_case, key=by_case.get)
    if args.json:
        print(json.dumps({'summary': True, 'rival': rival, **({'group': group} if group else {}),
                          'geomean': round(geomean, 4), 'worst': round(by_case[worst], 4),
                          'worst_case': worst}))
    else:
        print(f'{rival}{", " + group if group else ""}: weft is {geomean:.2f} times as fast '
              f'(geometric mean), at worst {by_case[worst]:.2f} times, at {worst}')
