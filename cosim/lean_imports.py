"""What the command line leaves out of the libraries that it loads."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _NoMatplotlib(MetaPathFinder):
    """Lets pandapower do without Matplotlib as it is loaded itself; to others it is there."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> None:
        loading = sys.modules.get("pandapower")
        if name == "matplotlib" and getattr(getattr(loading, "__spec__", None), "_initializing", False):
            msg = "cosim draws with plotly"
            raise ImportError(msg)


def leave_out_matplotlib() -> None:
    """Spare this process the pictures of pandapower, which take a second to load and which no command draws."""
    sys.meta_path.insert(0, _NoMatplotlib())
