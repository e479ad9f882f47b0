"""pandapower does without Matplotlib as it is loaded, and nobody else."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from cosim.lean_imports import leave_out_matplotlib


@pytest.mark.parametrize(
    ("name", "is_loading", "found"),
    [("pandapower", True, False), ("other", True, True), ("pandapower", False, True)],
)
def test_matplotlib_is_left_out_of_pandapower_alone_and_only_as_it_is_loaded(
    name: str, is_loading: bool, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", [])
    leave_out_matplotlib()
    (finder,) = sys.meta_path
    loading = ModuleType(name)
    loading.__spec__ = ModuleSpec(name, None)
    loading.__spec__._initializing = is_loading
    monkeypatch.delitem(sys.modules, "pandapower", raising=False)
    monkeypatch.setitem(sys.modules, name, loading)
    assert finder.find_spec("numpy", None) is None
    if found:
        assert finder.find_spec("matplotlib", None) is None
    else:
        with pytest.raises(ImportError):
            finder.find_spec("matplotlib", None)
