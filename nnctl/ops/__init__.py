"""What layers are made of, a file per family: an op's shape rule, its gradient in ops, the kernel to run.

An op never knows a layer, and no array is touched before a program is bound. Functions are imported from the
family's module:

- `linear`, `einsum`: products of matrices, of a tensor's last axis with a weight, and along named axes
- `convolution`, `pooling`: images (batch, height, width, channels); sequences are images of height 1
- `recurrence`: one op over a whole sequence; a cell says its step (SimpleRNN, LSTM, GRU)
- `elementwise`, `activation`: arithmetic and functions element by element
- `angle`: of points in the plane
- `softmax`, `sparsemax`: over the last axis, and the logits behind an output
- `sums`, `reduce`: sums over axes, and over everything
- `shape`, `transpose`: views, copies, slices, concatenation, moved axes
- `resize`: more or fewer places along an axis
- `sampling`, `pixels`: images read between their pixels; their numbers and colours by formula
- `histograms`: shades of images made equally frequent
- `dropout`, `noise`: masks and random numbers counted by the step
- `choice`: one of several values, by a number that is drawn; only that one is computed
- `mixing`: examples added to one another, by shares and in orders counted by the step
- `normalization`, `layer_norm`, `unit_rows`: batch statistics, their moving averages, rows of their own
- `spectral`: a weight divided by its largest singular value where it lies
- `categories`, `hashing`: numbers of classes, counted; bins, of hashes too; places in a vocabulary
- `embedding`, `masks`: rows of a table; masks (batch, time) made and used
- `losses`, `totals`: a loss per row, and its weighted mean
- `circle`, `ctc`: a loss of every example against the others, and of steps against labels in order
- `metrics`, `confusion`: a batch added to a metric's float64 state
- `optimizers`, `adafactor`, `muon`, `constraints`: what rewrites the weights
"""
