"""Where a pandapower net comes from: a name in pandapower, a code of SimBench, a JSON file, a net that is given."""

import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cosim.errors import ConfigError, Problem


def open_net(net_or_name: Any) -> tuple[Any, str]:
    """Open a net by name or path, a copy of one that is given; say what it is called."""
    import copy

    import pandapower
    import pandapower.networks

    if isinstance(net_or_name, pandapower.pandapowerNet):
        return copy.deepcopy(net_or_name), "pandapower net"
    source = str(net_or_name)
    is_file = source.endswith(".json")
    if is_file and not Path(source).is_file():
        raise ConfigError(source, [Problem("there is no such file", file=source)])
    make = getattr(pandapower.networks, source, None) or _of_simbench(source)
    try:
        with quiet():
            net = pandapower.from_json(source) if is_file else make() if callable(make) else None
    except Exception as reason:  # noqa: BLE001  pandapower lets through whatever its readers meet
        raise ConfigError(source, [Problem(_why_unread(source, is_file, reason), file=source)]) from None
    if not isinstance(net, pandapower.pandapowerNet):
        found = f"network {source!r} is neither a .json or .m file nor a net in pandapower.networks"
        raise ConfigError(source, [Problem(found, value=source)])
    return net, source


def _why_unread(source: str, is_file: bool, reason: Exception) -> str:
    """Return why pandapower could not make a net; what Python says of a file of something else helps nobody."""
    if is_file:
        try:
            content = json.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError) as fault:
            return f"it is not JSON ({fault}). Write the net with pandapower.to_json."
        if not (isinstance(content, dict) and content.get("_class") == "pandapowerNet"):
            return "it holds JSON, but no net of pandapower. Write the net with pandapower.to_json."
    return f"pandapower cannot read it ({reason})."


def _of_simbench(code: str) -> Any:
    """Return what makes the net of a SimBench code; None where *code* is none."""
    if not re.match(r"[12]-(EHV|HV|MV|LV)", code):
        return None
    try:
        import simbench
    except ImportError:
        found, advice = (
            f"network {code!r} is a code of SimBench",
            "install the extra: pip install 'cosim[simbench]'",
        )
        raise ConfigError(code, [Problem(found, value=code, advice=advice)]) from None
    return partial(simbench.get_simbench_net, code)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pandapower's remarks, such as that numba is missing, off the terminal; its errors are raised."""
    logger = logging.getLogger("pandapower")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
