"""What backends do differently, one file a backend; the running one is chosen here, once.

Each file has the same functions:

- `circular_correlation(a, b, length)`: for real a and b `(..., dim)`, zero-padded to
  `length`, the sums over n of a[n + k]·b[n] for shifts k = 0 ... length - 1, counted in a
  circle; by the backend's own FFT.
- `first_largest(x)`: the largest number of each row, `(..., n) -> (...)`, also of no rows;
  among equals the gradient goes to the first, which `ops.max` leaves to each backend.
- `after(value, earlier)`: the value, whose use waits until another has been computed.
- `left_transposed(a, b)`: `a.T @ b`, `(k, m), (k, n) -> (m, n)`, without a copy of either.
- `right_transposed(a, b)`: `a @ b.T`, `(m, k), (n, k) -> (m, n)`, without a copy of either.
- `share_of_rows()`: which share of a batch's rows the program has, an integer or a scalar.
- `shares_of_rows()`: how many equal shares there are; 1 where the program has all rows.
- `sum_of_shares(values)`: the sum of a tensor over all shares.
- `subtract_rows(a, rows, factors)`: `a - factors[:, None] * rows`; on Torch in the memory
  of `a`, which is lost.
- `largest_columns(keys, count)`: where the largest of each row `(blocks, n)` are, ascending,
  int32 `(blocks, count)`.
- `marked(keys, labels, mark)`: keys `(blocks, n)` with a mark at each label, int32 `(batch,)`,
  counted through all blocks; -1 marks none.
- `place_among(classes, labels)`: the place of each label, int32 `(batch,)`, among ascending
  classes, int32 `(m,)`; -1 where it is not.
- `pullback(function, arguments)`: a function's value, and what leads from a gradient of it to
  those of the arguments, tensors.
- `take_columns(values, columns)`: the value of each row `(batch, n)` at a column, int32
  `(batch,)`.
- `take_rows(variable, rows, blocks)`: rows `(m,)`, int32, of a Keras variable `(n, dim)`, as
  `(m, dim)`; the variable is not trained by gradients. With `blocks` above 1 both have as many
  equal blocks, and a block of `rows` lies within its block of the variable: so devices that
  share the blocks need not ask each other.
- `all_rows(rows)`: the rows `(n, ...)` of all processes where these share a batch, see
  `row_share`, one share after the other; else the rows themselves.
- `arctan2(y, x)`: the angle of `(x, y)`, in the precision of its arguments.
- `assign_rows(variable, rows, values, blocks)`: writes values `(m, dim)`, of the variable's dtype,
  to rows of it; where a row appears twice, its values must be the same.
- `check_one_device(what)`: raises a ValueError where the backend spreads the model over
  several devices in a way that `assign_rows` cannot follow.
- `class_shards()`: over how many devices the rows of a margin head's kernel are shared now; it
  has a multiple of that.
- `class_share()`: which share of these rows the program has, and of how many: Torch's processes
  have one each, JAX' program has all of them.
- `sum_of_classes(values)`: the sum over programs that have a share of the classes.
- `max_of_classes(values)`: the largest of each number over them, without gradient.
- `held_rows(variable)`: the rows of a variable `(n, ...)` that this process holds, and is the one
  to save, where devices share them: the first, the last and one, and what reads some of them.
- `whole_rows(variable, first, last)`: some rows of a variable that every device has whole.
- `fill_rows(variable, make)`: writes the rows that this process holds, `make(first, last)`; on
  Torch a variable's first row is 0 in none but the first process, here and above.
- `is_concrete(tensor)`: whether its values are there, all of them in this process; those of
  a graph that is being compiled are not.
- `in_turn(turns, size, length, function, start)`: calls `start = function(first, new, start)`
  for each of so many blocks of `size` of `length` things. `first` is the first of a block, `new`
  the first that is in none before: the last block may overlap the one before.
- `rows_in_turn(turns, size, length, function, start, rows)`: the same of a function that gives
  `start` and an array `(lead, size, n)`; also gives all of these joined as one like `rows`, `(lead,
  length, n)`. What the last has of classes that are not new must be zero.
- `scaled_channels(x, scale, shift)`: `x * scale + shift` with a number a channel,
  `(batch, ..., channels)`; for inference.
- `channel_prelu(x, slope)`: x where it is positive, else `slope * x`, with a slope a channel;
  for inference.
- `checked_in_graph(value, condition, message, shown)`: a value whose use in a compiled graph
  raises the message, with a tensor shown, unless a condition holds. Only TensorFlow's graphs
  can, and XLA drops it; elsewhere it is the value.

`plain` has all of them in `keras.ops`. It serves every backend that has no file here, and
the others take from it what they have no better way for.
"""

import importlib

from keras import backend

_FILES = ("jax", "tensorflow", "torch")
_running = backend.backend()
_chosen = importlib.import_module(f"{__name__}.{_running if _running in _FILES else 'plain'}")

after = _chosen.after
all_rows = _chosen.all_rows
arctan2 = _chosen.arctan2
assign_rows = _chosen.assign_rows
channel_prelu = _chosen.channel_prelu
check_one_device = _chosen.check_one_device
checked_in_graph = _chosen.checked_in_graph
circular_correlation = _chosen.circular_correlation
class_shards = _chosen.class_shards
class_share = _chosen.class_share
fill_rows = _chosen.fill_rows
first_largest = _chosen.first_largest
held_rows = _chosen.held_rows
in_turn = _chosen.in_turn
is_concrete = _chosen.is_concrete
largest_columns = _chosen.largest_columns
left_transposed = _chosen.left_transposed
marked = _chosen.marked
max_of_classes = _chosen.max_of_classes
place_among = _chosen.place_among
pullback = _chosen.pullback
right_transposed = _chosen.right_transposed
rows_in_turn = _chosen.rows_in_turn
scaled_channels = _chosen.scaled_channels
share_of_rows = _chosen.share_of_rows
shares_of_rows = _chosen.shares_of_rows
subtract_rows = _chosen.subtract_rows
sum_of_classes = _chosen.sum_of_classes
sum_of_shares = _chosen.sum_of_shares
take_columns = _chosen.take_columns
take_rows = _chosen.take_rows
whole_rows = _chosen.whole_rows

__all__ = [
    "after",
    "all_rows",
    "arctan2",
    "assign_rows",
    "channel_prelu",
    "check_one_device",
    "checked_in_graph",
    "circular_correlation",
    "class_shards",
    "class_share",
    "fill_rows",
    "first_largest",
    "held_rows",
    "in_turn",
    "is_concrete",
    "largest_columns",
    "left_transposed",
    "marked",
    "max_of_classes",
    "place_among",
    "pullback",
    "right_transposed",
    "rows_in_turn",
    "scaled_channels",
    "share_of_rows",
    "shares_of_rows",
    "subtract_rows",
    "sum_of_classes",
    "sum_of_shares",
    "take_columns",
    "take_rows",
    "whole_rows",
]
