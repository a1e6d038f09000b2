#!/usr/bin/env python3
"""Interrupts trainings at random moments and resumes them: the same bits must come of it.

usage: interrupt.py WEFT [--runs N] [--seed N]

Each training is interrupted again and again, one with SIGINT, the next with SIGKILL, and resumed
from what it saved last, until it comes to its end. Then its file, and its history without the
speed, must be those of a training that was not. Run by hand: 50 take some minutes.
"""
import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

OPTIONS = ['--hidden', '32', '--batch', '64', '--dropout', '0.1', '--validation', '0.5',
           '--schedule', 'cosine', '--warm-up', '10', '--clip-norm', '1', '--seed', '3']
GOAL = ['--epochs', '3', '--steps', '1200']
OPTIMIZERS = ('adam', 'sgd', 'rmsprop', 'adamw', 'adadelta', 'adagrad')


def history(path):
    return [line.rsplit(',', 1)[0] for line in path.read_text().splitlines()]


class Training:
    def __init__(self, weft, folder, options):
        self.weft, self.options = weft, options
        self.file, self.log = folder / 'model.safetensors', folder / 'history.csv'

    def start(self):
        begun = self.file.exists()
        args = ['--resume', self.file] if begun else [*OPTIONS, *self.options]
        if not begun and self.log.exists():
            self.log.unlink()
        return subprocess.Popen([self.weft, 'train', *args, *GOAL, '--save', self.file,
                                 '--save-every', '7', '--log', self.log],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run(self):
        process = self.start()
        errors = process.communicate()[1]
        if process.returncode:
            sys.exit(f'interrupt.py: exit code {process.returncode}: {errors}')

    def interrupt_until_done(self, how, longest):
        """Returns how often it was stopped."""
        for stops in range(1000):
            process = self.start()
            try:
                moment = random.uniform(0.05, longest if stops else 0.7 * longest)
                errors = process.communicate(timeout=moment)[1]
            except subprocess.TimeoutExpired:
                process.send_signal(how)
                errors = process.communicate()[1]
            code = process.returncode
            if not code:
                return stops
            # before training begins, or with the second signal, SIGINT ends it as SIGKILL does
            if code not in (130, -how):
                sys.exit(f'interrupt.py: exit code {code}: {errors}')
        return sys.exit('interrupt.py: does not come to an end')


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('weft', type=pathlib.Path)
    parser.add_argument('--runs', type=int, default=50)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    random.seed(args.seed)
    whole, stopped, wrong = {}, {signal.SIGINT: 0, signal.SIGKILL: 0}, 0
    with tempfile.TemporaryDirectory() as temp:
        os.environ.setdefault('WEFT_CACHE', temp + '/cache')
        for i in range(args.runs):
            name = OPTIMIZERS[i // 2 % len(OPTIMIZERS)]
            options = ['--optimizer', name]
            if name not in whole:
                folder = pathlib.Path(tempfile.mkdtemp(dir=temp))
                whole[name] = Training(args.weft, folder, options)
                whole[name].run()
                begin = time.monotonic()
                whole[name].file.unlink()
                whole[name].run()
                whole[name].seconds = time.monotonic() - begin
            how = (signal.SIGINT, signal.SIGKILL)[i % 2]
            training = Training(args.weft, pathlib.Path(tempfile.mkdtemp(dir=temp)), options)
            stops = training.interrupt_until_done(how, whole[name].seconds)
            bits = training.file.read_bytes() == whole[name].file.read_bytes()
            same = bits and history(training.log) == history(whole[name].log)
            left = sorted(x.name for x in training.file.parent.iterdir())
            stopped[how] += stops
            wrong += not same
            print(f'{i + 1:3} {name:9} {how.name:8} stopped {stops} times: '
                  f'{"the same bits" if same else "HISTORY DIFFERS" if bits else "DIFFERS"}'
                  f'{"" if len(left) == 2 else "; left behind: " + " ".join(left)}', flush=True)
    print(f'{args.runs} trainings, {stopped[signal.SIGINT]} times SIGINT, '
          f'{stopped[signal.SIGKILL]} times SIGKILL: {wrong} differ')
    return wrong > 0


if __name__ == '__main__':
    sys.exit(main())
