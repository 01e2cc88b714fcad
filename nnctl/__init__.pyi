from nnctl.api import Predictions as Predictions
from nnctl.api import Run as Run
from nnctl.api import evaluate as evaluate
from nnctl.api import load as load
from nnctl.api import predict as predict
from nnctl.api import train as train
from nnctl.core.errors import ConfigError as ConfigError
from nnctl.core.errors import DataError as DataError
from nnctl.core.errors import NnctlError as NnctlError
from nnctl.core.errors import RunError as RunError
from nnctl.core.errors import StorageError as StorageError

__version__: str
