"""``python -m allmodes.cli``: the same as ``allmodes``, for launchers such as torchrun."""

import sys

from .front import main

sys.exit(main())
