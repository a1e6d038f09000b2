#!/usr/bin/env python3
"""Tests the data that the command takes: tables, arrays, what is learned of them, bad ones.

usage: command_data_test.py WEFT [arguments of unittest...]
"""
import gzip
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import unittest

from command_case import (Case, ROOT, TEMP, WEFT, animal, array, environment, line_of,
                          lines_of_json, npy, npz, pairs, run, table)


class Tables(Case):
    """Trains on small CSV files, which takes a moment."""
    @classmethod
    def setUpClass(cls):
        cls.animals = table('animals.csv', 240, ['a', 'b', 'kind'], animal)
        cls.model = str(TEMP / 'animals.safetensors')
        cls.result = run('train', '--data', cls.animals, '--epochs', '30', '--lr', '0.02',
                         '--validation', '0.25', '--seed', '5', '--save', cls.model)

    def test_classes_with_names(self):
        self.assert_works(self.result)
        self.assertRegex(self.result.stdout, r'\nvalidation accuracy (0\.9[5-9]|1\.0)\d*\n$')
        result = run('eval', self.model, '--data', self.animals)
        self.assertRegex(result.stdout, r'^rows 240\nloss [0-9.e-]+\naccuracy (1\.0|0\.9)\d+\n$')
        result = json.loads(run('eval', self.model, '--data', self.animals, '--json',
                                '--per-class').stdout)
        self.assertEqual([(c['class'], c['rows']) for c in result['classes']],
                         [('ant', 80), ('bee', 80), ('cow', 80)])
        self.assertEqual(sum(c['right'] for c in result['classes']) / 240, result['accuracy'])

    def test_other_files_have_other_labels(self):
        some = table('some.csv', 200, ['a', 'b', 'kind'], lambda i: animal(3 * i // 2 * 2 + 1))
        names = {line.rsplit(',', 1)[1] for line in pathlib.Path(some).read_text().split()[1:]}
        self.assertGreater(len(names), 1)
        cows = table('cows.csv', 20, ['a', 'b', 'kind'], lambda i: animal(3 * i + 2))
        result = json.loads(run('eval', self.model, '--data', cows, '--json').stdout)
        self.assertGreater(result['accuracy'], 0.95)
        emus = table('emus.csv', 20, ['a', 'b', 'kind'], lambda i: (1, 2, 'emu'))
        self.assert_fails(run('eval', self.model, '--data', emus), 1, emus, '"emu"', 'classes')

    def test_predict(self):
        with_target = run('predict', self.model, '--data', self.animals)
        self.assert_works(with_target)
        lines = with_target.stdout.splitlines()
        right = sum(line.split()[0] == animal(i)[2] for i, line in enumerate(lines))
        self.assertGreater(right, 230)
        self.assertRegex(lines[0], r'^\w+\t[01]\.\d{4}$')
        without = table('without.csv', 240, ['a', 'b'], lambda i: animal(i)[:2])
        self.assertEqual(run('predict', self.model, '--data', without).stdout, with_target.stdout)
        piped = subprocess.run([WEFT, 'predict', self.model, '--data', '-', '--json'], text=True,
                               input=pathlib.Path(without).read_text(), stdout=subprocess.PIPE,
                               env=environment(), check=True)
        rows = lines_of_json(piped.stdout)
        self.assertEqual([row['class'] for row in rows], [line.split()[0] for line in lines])
        for row in rows:
            self.assertEqual(list(row['probabilities']), ['ant', 'bee', 'cow'])
            self.assertAlmostEqual(sum(row['probabilities'].values()), 1, 4)
            self.assertEqual(row['probability'], row['probabilities'][row['class']])
            self.assertEqual(row['probability'], max(row['probabilities'].values()))

    def test_regression(self):
        data = table('line.csv', 300, ['y', 'a', 'b'], lambda i: (line_of(i)[2], *line_of(i)[:2]))
        model = str(TEMP / 'line.safetensors')
        result = run('train', '--data', data, '--target', 'y', '--task', 'regress', '--epochs',
                     '60', '--lr', '0.01', '--save', model)
        self.assert_works(result)
        measured = json.loads(run('eval', model, '--data', data, '--json').stdout)
        self.assertLess(measured['mae'], 10)
        self.assertLess(measured['mae']**2, measured['mse'])
        first = run('predict', model, '--data', data).stdout.splitlines()[7]
        self.assertLess(abs(float(first) - line_of(7)[2]), 40)
        self.assert_fails(run('eval', model, '--data', self.animals), 1, "'y'")
        self.assert_fails(run('eval', model, '--data', data, '--per-class'), 2, '--per-class',
                          model, 'regression')

    def test_numbers_that_are_no_classes_are_a_regression(self):
        data = table('half.csv', 50, ['a', 'y'], lambda i: (i, i + 0.5))
        result = run('train', '--data', data, '--epochs', '1', '--validation', '0.2')
        self.assertRegex(result.stdout, r'validation loss [0-9.]+\n$')

    def test_bad_tables(self):
        bad = table('bad.csv', 3, ['a', 'b', 'kind'], lambda i: (1, 'x', 'ant'))
        self.assert_fails(run('train', '--data', bad), 1, bad, "'x'")
        self.assert_fails(run('train', '--data', self.animals, '--target', 'z'), 1, 'z')
        self.assert_fails(run('train', '--data', str(TEMP / 'none.csv')), 1, 'none.csv')
        self.assert_fails(run('predict', self.model, '--data', str(TEMP / 'none.csv')), 1,
                          'none.csv')
        wide = table('wide.csv', 3, ['1', '2', '3', '4'], lambda i: (1, 2, 3, 4))
        self.assert_fails(run('predict', self.model, '--data', wide), 1, wide, "no column 'a'")
        self.assert_fails(run('predict', self.model, '--data', self.model), 1, self.model)

    def test_a_reader_that_goes_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = run('predict', self.model, '--data', self.animals, stdout=writer)
        os.close(writer)
        self.assertEqual((result.returncode, result.stderr), (1, ''))

    def test_npz(self):
        x = [10 * (i // 2 % 3) + i % 2 for i in range(60)]
        path, model = pairs('small.npz', x, [i % 3 for i in range(30)]), str(TEMP / 'small')
        x = struct.pack('<60f', *x)
        self.assert_works(run('train', '--data', path, '--epochs', '80', '--lr', '0.1', '--save',
                              model))
        self.assertIn('accuracy 1.0000\n', run('eval', model, '--data', path).stdout)
        only_x = TEMP / 'x.npy'
        only_x.write_bytes(npy('<f4', (30, 2), x))
        result = run('predict', model, '--data', str(only_x))
        self.assertEqual([line[0] for line in result.stdout.splitlines()], list('012' * 10))
        self.assert_fails(run('eval', model, '--data', str(only_x)), 1, only_x, 'no targets')

    def test_every_optimizer_and_schedule(self):
        losses = set()
        for optimizer in ('sgd', 'adagrad', 'adadelta', 'rmsprop', 'adam', 'adamw'):
            result = run('train', '--data', self.animals, '--optimizer', optimizer, '--epochs', '3')
            self.assert_works(result)
            losses.add(result.stdout.splitlines()[-2].split()[3])
        for schedule in (['step', '--decay', '0.5', '--decay-every', '2'], ['cosine'],
                         ['one-cycle'], ['plateau', '--patience', '1'],
                         ['cosine', '--warm-up', '3'], ['constant', '--warm-up', '3']):
            result = run('train', '--data', self.animals, '--epochs', '3', '--schedule', *schedule)
            self.assert_works(result)
            losses.add(result.stdout.splitlines()[-1].split()[3])
        self.assertGreater(len(losses), 9)

    def test_a_loss_that_is_no_number(self):
        model, log = TEMP / 'nan.safetensors', TEMP / 'nan.csv'
        result = run('train', '--data', self.animals, '--optimizer', 'sgd', '--lr', '1e30',
                     '--save', str(model), '--save-every', '1', '--log', str(log))
        self.assert_fails(result, 1, 'in step 2', '--lr', f'{model} is of step 1')
        self.assertEqual(json.loads(run('info', '--json', str(model)).stdout)['checkpoint']['step'],
                         1)
        result = run('train', '--data', self.animals, '--optimizer', 'sgd', '--lr', '1e30',
                     '--weight-decay', '1')
        self.assert_fails(result, 1, 'NaN in step 2: --lr or --weight-decay may be too large')

    def test_data_that_are_no_numbers(self):
        x, y = [i % 7 for i in range(40)], [i % 2 for i in range(20)]
        nan = pairs('nan.npz', [*x[:35], float('nan'), *x[36:]], y)
        self.assert_fails(run('train', '--data', nan), 1, f'row 17 of {nan} has a NaN', 'its input')
        self.assert_fails(run('train', '--data', nan, '--validation', '0.1', '--seed', '3'), 1,
                          f': a row of {nan} has a NaN')
        inf = pairs('inf.npz', x, [0.5] * 9 + [float('inf')] + [1.0] * 10)
        self.assert_fails(run('train', '--data', inf), 1, f'{inf}: the target of row 9 is infinite')
        big = pairs('big.npz', [3e38 * (1 - 2 * (i % 2)) for i in x], y)
        self.assert_fails(run('train', '--data', big, '--normalize', 'none'), 1,
                          f'targets of {big} are too large')
        for word in ('inf', '-Infinity', '1e400', 'nan', '-nan'):
            path = table('word.csv', 9, ['a', 'y'], lambda i: (word if i == 4 else i, i / 3))
            self.assert_fails(run('train', '--data', path), 1, path, f"line 6, column 'a': '{word}'")

    def test_texts_that_a_terminal_would_act_on(self):
        def row(i):
            return i, i % 3, ('bee\x1b[31m', 'ant\t\x9bz')[i % 2]
        path, model = table('escape.csv', 40, ['a', 'b\x1b[1m', 'k'], row), str(TEMP / 'escape')
        self.assert_works(run('train', '--data', path, '--save', model))
        for args in (['eval', model, '--data', path, '--per-class'], ['info', model],
                     ['predict', model, '--data', path], ['train', '--data', 'x\x1b[1m\ny.csv'],
                     ['eval', model, '--data', table('bad.csv', 2, ['a', 'b', 'k'],
                                                     lambda i: (1, 2, 'cow\x1b[31m'))],
                     ['train', '--data', path, '--target', 'b\x1b[1m\n'],
                     ['train', '--data', path, '--hidden', '\x1b[1m']):
            result = run(*args)
            self.assertTrue(result.stdout + result.stderr)
            self.assertNotRegex(result.stdout + result.stderr, '[\0-\x08\x0b-\x1f\x7f-\x9f]')
            if result.returncode:
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        lines = run('eval', model, '--data', path, '--per-class').stdout.splitlines()
        self.assertEqual([line[:20] for line in lines[-2:]], ['ant???z'.ljust(20),
                                                              'bee?[31m'.ljust(20)])


class Task(Case):
    """What is learned when --task does not say it."""
    def begin(self, path, *args):
        result = run('train', '--data', str(path), '--steps', '1', *args)
        self.assert_works(result)
        return re.search(r' rows; (.*)', result.stderr)[1]

    def column(self, *values, rows=60):
        return table('task.csv', rows, ['x', 'y'], lambda i: (i, values[i % len(values)]))

    def test_tables(self):
        three, regression = 'classification, 3 classes (otherwise: --task regress)', \
            'regression (otherwise: --task classify)'
        self.assertEqual(self.begin(ROOT / 'examples' / 'diabetes.csv'), regression)
        for values, task in (((0, 1, 2), three), (('1.0', '0.0', '2.0'), three),
                             (('a', 'b', 'c'), three), (range(21), regression),
                             ((-1, 0, 7), three), ((0, 1.5, 2), regression)):
            self.assertEqual(self.begin(self.column(*values)), task, values)
        self.assertEqual(self.begin(self.column(*range(10), rows=11)), regression)
        words = self.column(*(f'w{i}' for i in range(30)))
        self.assertIn('classification, 30 classes', self.begin(words))
        self.assertEqual(self.begin(self.column(0, 1, 2), '--task', 'regress'), 'regression')
        missing = self.column(*(i + 0.5 for i in range(59)), 'NA')
        self.assert_fails(run('train', '--data', missing), 1, missing, 'line 61', "'NA'")

    def test_arrays(self):
        x = array('f', 60, 2, float)
        for dtype, count, task in (('q', 3, 'classification, 3 classes'),
                                   ('f', 3, 'classification, 3 classes'),
                                   ('e', 3, 'classification, 3 classes'),
                                   ('B', 30, 'classification, 30 classes'),
                                   ('f', 30, 'regression '), ('B', 60, 'regression ')):
            with self.subTest(dtype=dtype, count=count):
                path = npz('task.npz', x=x, y=array(dtype, 60, lambda i: i % count))
                self.assertIn(task, self.begin(path))
        path = npz('task.npz', x=x, y=array('f', 60, 2, lambda i: i % 3))
        self.assertIn('regression, 2 values', self.begin(path))
        path = npz('task.npz', x=x, y=array('f', 60, lambda i: i / 2))
        self.assert_fails(run('train', '--data', path, '--task', 'classify'), 1, path,
                          'label of row 1 is 0.5')

    def test_classes_are_counted_before_rows_are_held_out(self):
        path = npz('rare.npz', x=array('f', 40, 2, float), y=array('q', 40, lambda i: i // 39 * 9))
        for seed in range(5):
            args = '--task', 'classify', '--validation', '0.9', '--seed', str(seed)
            self.assertIn('10 classes', self.begin(path, *args))

    def test_targets_that_are_none(self):
        path = npz('nan.npz', x=array('f', 40, 2, float),
                   y=array('f', 40, lambda i: math.nan if i == 7 else i / 3))
        self.assert_fails(run('train', '--data', path), 1, path, 'row 7', 'NaN')
        path = npz('none.npz', x=array('f', 40, 2, float))
        self.assert_fails(run('train', '--data', path), 1, path, 'no targets')


class Arrays(Case):
    @classmethod
    def setUpClass(cls):
        cls.x = array('f', 60, 2, lambda i: 10 * (i // 2 % 3) + i % 2)
        cls.train = {'x_train': cls.x, 'y_train': array('q', 60, lambda i: i % 3)}

    def test_test_data(self):
        model = str(TEMP / 'arrays.safetensors')
        path = npz('both.npz', **self.train, x_test=array('f', 2, 2, lambda i: 20),
                   y_test=array('q', 2, lambda i: 2))
        result = run('train', '--data', path, '--epochs', '60', '--lr', '0.1', '--save', model)
        self.assert_works(result)
        self.assertRegex(result.stdout, r'^epoch 1/60: loss [0-9.]+, test accuracy ')
        self.assertTrue(result.stdout.endswith('\ntest accuracy 1.0000\n'), result.stdout)
        self.assertIn('rows 2\n', run('eval', model, '--data', path).stdout)
        self.assertIn('rows 60\n', run('eval', model, '--data', path, '--split', 'train').stdout)
        bad = npz('bad.npz', **self.train, x_test=array('f', 2, 2, float),
                  y_test=array('q', 2, lambda i: 4 * i))
        result = run('train', '--data', bad)
        self.assert_fails(result, 1, f'{bad}: y_test', 'row 1 is 4', '0 .. 2')
        self.assertNotIn('epoch', result.stdout)
        self.assert_fails(run('eval', model, '--data', bad), 1, f'{bad}: y_test', 'row 1 is 4')

    def test_half_precision(self):
        path = npz('half.npz', x=self.x, y=array('e', 60, lambda i: i % 3))
        model = str(TEMP / 'half.safetensors')
        self.assert_works(run('train', '--data', path, '--epochs', '60', '--lr', '0.1', '--save',
                              model))
        self.assertIn('accuracy 1.0000\n', run('eval', model, '--data', path).stdout)
        path = npz('half.npz', x=self.x, y=array('e', 60, lambda i: 1000.5 + i % 3 / 2))
        self.assert_works(run('train', '--data', path, '--epochs', '80', '--lr', '0.05', '--save',
                              model))
        measured = json.loads(run('eval', model, '--data', path, '--json').stdout)
        self.assertLess(measured['mae'], 0.1)

    def test_one_column(self):
        model = str(TEMP / 'column.safetensors')
        for x in (array('f', 60, lambda i: i % 3), array('f', 60, 1, lambda i: i % 3)):
            path = npz('column.npz', x=x, y=array('q', 60, 1, lambda i: i % 3))
            self.assert_works(run('train', '--data', path, '--epochs', '60', '--lr', '0.1',
                                  '--save', model))
            self.assertIn('accuracy 1.0000\n', run('eval', model, '--data', path).stdout)
            (TEMP / 'column.npy').write_bytes(x)
            result = run('predict', model, '--data', str(TEMP / 'column.npy'))
            self.assertEqual([line[0] for line in result.stdout.splitlines()], list('012' * 20))

    def test_errors_name_the_file(self):
        cases = {'rows': {'x': self.x, 'y': array('q', 59, int)},
                 'scalar': {'x': npy('<f4', (), bytes(4)), 'y': array('q', 59, int)},
                 'empty': {'x': array('f', 0, 2, float), 'y': array('q', 0, int)},
                 'without': {'z': self.x}}
        for name, arrays in cases.items():
            path = npz(f'{name}.npz', **arrays)
            self.assert_fails(run('train', '--data', path), 1, f'{path}: ')
        (TEMP / 'scalar.npy').write_bytes(npy('<f4', (), bytes(4)))
        path = npz('fine.npz', x=self.x, y=array('q', 60, lambda i: i % 3))
        model = str(TEMP / 'fine.safetensors')
        self.assert_works(run('train', '--data', path, '--steps', '1', '--save', model))
        path = str(TEMP / 'scalar.npy')
        self.assert_fails(run('predict', model, '--data', path), 1, path, '0 dimensions')

    def test_a_model_that_gives_nan(self):
        model = str(TEMP / 'some.safetensors')
        path = npz('some.npz', x=self.x, y=array('q', 60, lambda i: i % 3))
        self.assert_works(run('train', '--data', path, '--steps', '1', '--save', model))
        path = npz('nans.npz', x=array('f', 600, 2, lambda i: math.nan if i == 1033 else 1),
                   y=array('q', 600, lambda i: 0))
        for args in ([], ['--json']):
            result = run('predict', model, '--data', path, *args)
            self.assert_fails(result, 1, f'{path}: row 516: the model gives NaN')
            self.assertEqual(len(result.stdout.splitlines()), 516)
            self.assertNotIn('null', result.stdout)
            result = run('eval', model, '--data', path, *args)
            self.assert_fails(result, 1, path, 'loss is NaN')
            self.assertEqual(result.stdout, '')


class Columns(Case):
    """CSV files in other forms than the one that was learned from."""
    @classmethod
    def setUpClass(cls):
        cls.animals = table('columns.csv', 240, ['a', 'b', 'kind'], animal)
        cls.model = str(TEMP / 'columns.safetensors')
        cls.args = ['--epochs', '20', '--lr', '0.02', '--save']
        run('train', '--data', cls.animals, *cls.args, cls.model)
        cls.expected = run('predict', cls.model, '--data', cls.animals).stdout
        cls.score = run('eval', cls.model, '--data', cls.animals).stdout

    def same(self, path, *args, model=None, score=True):
        result = run('predict', model or self.model, '--data', path, *args)
        self.assert_works(result)
        self.assertEqual(result.stdout, self.expected)
        if score:
            result = run('eval', model or self.model, '--data', path, *args)
            self.assert_works(result)
            self.assertEqual(result.stdout, self.score)

    def test_the_order_is_that_of_the_names(self):
        self.assertEqual(len(self.expected.splitlines()), 240)
        self.same(table('order.csv', 240, ['kind', 'b', 'id', 'a'],
                        lambda i: (animal(i)[2], animal(i)[1], f'n{i}', animal(i)[0])))
        self.same(table('order.csv', 240, ['b', 'a'], lambda i: animal(i)[1::-1]), score=False)
        less = table('less.csv', 5, ['a', 'kind'], lambda i: (1, 'ant'))
        for verb in ('eval', 'predict'):
            self.assert_fails(run(verb, self.model, '--data', less), 1, less, "no column 'b'")
        less = table('less.csv', 5, ['a', 'b'], lambda i: (1, 2))
        self.assert_fails(run('eval', self.model, '--data', less), 1, less, "no column 'kind'")
        self.assert_works(run('train', '--resume', self.model, '--data', self.animals))

    def test_no_header(self):
        bare = table('bare.csv', 240, [], animal, head=False)
        self.same(bare, '--no-header', '--target', '2')
        self.assert_fails(run('predict', self.model, '--data', bare), 1, bare, "no column 'a'")
        model = str(TEMP / 'bare.safetensors')
        self.assert_works(run('train', '--data', bare, '--no-header', *self.args, model))
        self.same(bare, model=model)
        self.same(table('bare.csv', 240, [], lambda i: animal(i)[:2], head=False), model=model,
                  score=False)

    def test_separators(self):
        text = pathlib.Path(self.animals).read_text()
        for name, separator, args in (('tabs.TSV', '\t', []), ('tabs.csv', '\t', ['tab']),
                                      ('semi.CSV', ';', [';'])):
            path = str(TEMP / name)
            pathlib.Path(path).write_text(text.replace(',', separator))
            args = args and ['--separator', *args]
            self.same(path, *args)
            model = str(TEMP / 'separators.safetensors')
            self.assert_works(run('train', '--data', path, *args, *self.args, model))
            self.same(path, model=model)
        for bad in ('ab', '"'):
            self.assert_fails(run('train', '--data', path, '--separator', bad), 2, '--separator')
        packed = TEMP / 'packed.csv.gz'
        packed.write_bytes(gzip.compress(text.encode()))
        self.assert_fails(run('train', '--data', str(packed)), 1, packed, 'compressed')

    def test_skipped_columns(self):
        path = table('skip.csv', 240, ['id', 'a', 'when', 'b', 'kind'],
                     lambda i: (f'n{i}', animal(i)[0], 'now', *animal(i)[1:]))
        model = str(TEMP / 'skip.safetensors')
        self.assert_fails(run('train', '--data', path), 1, path, "'n0'")
        self.assert_works(run('train', '--data', path, '--skip', 'id,when', *self.args, model))
        self.same(path, model=model)
        self.same(self.animals, model=model)
        bare = table('skip.csv', 240, [], lambda i: (*animal(i)[:2], 'now', animal(i)[2]),
                     head=False)
        self.assert_works(run('train', '--data', bare, '--no-header', '--skip', '2', *self.args,
                              model))
        self.same(bare, model=model)

    def test_missing_numbers(self):
        path = table('gaps.csv', 240, ['a', 'b', 'kind'],
                     lambda i: ('NA' if i == 7 else animal(i)[0], *animal(i)[1:]))
        result = run('train', '--data', path)
        self.assert_fails(result, 1, path, 'line 9', "'NA'", 'missing')
        self.assertNotIn('.allow', result.stderr)
        model = str(TEMP / 'gaps.safetensors')
        self.assert_works(run('train', '--data', path, '--allow-missing', *self.args, model))
        result = run('predict', model, '--data', path)
        self.assert_works(result)
        numbers = [animal(i)[0] for i in range(240) if i != 7]
        mean = sum(numbers) / len(numbers)
        filled = table('filled.csv', 240, ['a', 'b', 'kind'],
                       lambda i: (mean if i == 7 else animal(i)[0], *animal(i)[1:]))
        self.assertEqual(run('predict', model, '--data', filled).stdout, result.stdout)
        path = table('gaps.csv', 30, ['a', 'b'], lambda i: (i, 'NA' if i == 7 else i / 2))
        result = run('train', '--data', path, '--task', 'regress', '--allow-missing')
        self.assert_fails(result, 1, path, 'row 7', 'missing')
        result = run('train', '--data', path, '--allow-missing', '--normalize', 'none')
        self.assert_fails(result, 2, '--allow-missing', '--normalize')

    def test_standard_input(self):
        for text, code, part in ((pathlib.Path(self.animals).read_text(), 0, ''),
                                 ('a,b,kind\n1,x,ant\n', 1, "standard input: line 2, column 'b'"),
                                 ('', 1, 'standard input: is empty'),
                                 ('a,b,kind\n1,2,emu\n', 1, 'standard input: the label')):
            result = subprocess.run([WEFT, 'eval', self.model, '--data', '-'], input=text, text=True,
                                    capture_output=True, env=environment(), check=False)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertTrue(result.stderr.startswith(part and 'weft: ' + part), result.stderr)
            self.assertEqual(result.stderr.count('standard input'), code)

    def test_standard_input_without_room_for_a_copy(self):
        result = run('eval', self.model, '--data', '-', TMPDIR=str(TEMP / 'none'))
        self.assert_fails(result, 1, str(TEMP / 'none'))
        self.assert_fails(run('eval', self.model, '--data', '-', TMPDIR=1100 * 'x'), 1, 'TMPDIR')

    def test_names_in_another_encoding(self):
        path = TEMP / 'latin.csv'
        for text in ('a,\xe9,k\n1,2,3\n', 'a,b,k\n1,2,\xe9\n', 'a,b,\xe9\n1,2,3\n'):
            path.write_text(text, encoding='latin-1')
            self.assert_fails(run('train', '--data', str(path)), 1, path, '0xe9', 'UTF-8')
        model = str(TEMP / 'utf8.safetensors')
        path.write_text('\xe9,b,k\n1,2,\xe9\n2,1,e\n', encoding='utf-8')
        self.assert_works(run('train', '--data', str(path), '--save', model))
        self.assert_works(run('eval', model, '--data', str(path)))

    def test_class_names_with_spaces(self):
        path = table('spaces.csv', 30, ['a', 'kind'], lambda i: (i % 2, f'a  b\t{i % 2} 0.5'))
        model = str(TEMP / 'spaces.safetensors')
        self.assert_works(run('train', '--data', path, '--epochs', '1', '--save', model))
        line = run('predict', model, '--data', path).stdout.splitlines()[0]
        self.assertRegex(line, r'^a  b\?[01] 0\.5\t[01]\.\d{4}$')


if __name__ == '__main__':
    unittest.main()
