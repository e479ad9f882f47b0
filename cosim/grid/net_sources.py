"""Where a pandapower net comes from: a name in pandapower, a code of SimBench, a JSON file, a net that is given."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from cosim.errors import ConfigError, Problem, refuse, shown
from cosim.files import TOO_DEEP, parsed_json, read_text

_OF_TABLES = re.compile(
    r"pandas(\.core\.(frame|series))?|numpy|networkx|builtins|shapely|geopandas\.geodataframe"
    r"|pandapower(\.(auxiliary|control(\.[a-z]\w*)*))?"
)
"""Modules of what a net is made of; the names of others in it would be imported, and so run."""
_READ_BY_PANDAS = {"DataFrame", "Series"}
"""Classes whose text pandas reads. It takes more for JSON than Python does, and what it found there would be run."""
ONLY_TABLES = "a net is read only where it holds tables and pandapower's own controllers"


def open_net(net_or_name: Any) -> tuple[Any, str]:
    """Open a net by name or path, a copy of one that is given; say what it is called."""
    import copy

    import pandapower
    import pandapower.networks

    if isinstance(net_or_name, pandapower.pandapowerNet):
        return copy.deepcopy(net_or_name), "pandapower net"
    source = str(net_or_name)
    text = _net_text(source) if source.endswith(".json") else ""
    make = getattr(pandapower.networks, source, None) or _of_simbench(source)
    try:
        with quiet():
            net = pandapower.from_json_string(text) if text else make() if callable(make) else None
    except Exception as reason:  # noqa: BLE001  pandapower lets through whatever its readers meet
        raise ConfigError(source, [Problem(f"pandapower cannot read it ({reason}).", file=source)]) from None
    if not isinstance(net, pandapower.pandapowerNet):
        found = f"network {source!r} is neither a .json or .m file nor a net in pandapower.networks"
        raise ConfigError(source, [Problem(found, value=source)])
    return net, source


def _net_text(source: str) -> str:
    """Return the text of a JSON file that holds a net, and nothing that reading it would run."""
    text = read_text(source)
    advice = "Write the net with pandapower.to_json."
    try:
        content = parsed_json(text)
        found = sorted(set(_foreign(content)))
    except ValueError as fault:
        raise ConfigError(source, [Problem(f"it is not JSON ({fault}). {advice}", file=source)]) from None
    if not (isinstance(content, dict) and content.get("_class") == "pandapowerNet"):
        raise ConfigError(
            source, [Problem(f"it holds JSON, but no net of pandapower. {advice}", file=source)]
        )
    problems = [Problem(f"it holds {name}", file=source, advice=ONLY_TABLES) for name in found]
    refuse(source, problems)
    return text


def _foreign(content: Any) -> Iterator[str]:
    """Yield what reading a net would import, or read elsewhere, beyond tables; texts within are JSON again."""
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and item.lstrip()[:1] in {"{", "["}:
            try:
                waiting.append(parsed_json(item))
            except ValueError as fault:  # a text that only begins like JSON holds nothing
                if TOO_DEEP in str(fault):
                    yield f"a text that {TOO_DEEP}"
        if isinstance(item, list):
            waiting += item
        if not isinstance(item, dict):
            continue
        waiting += item.values()
        module, table = item.get("_module"), item.get("_object")
        if module is not None and not (isinstance(module, str) and _OF_TABLES.fullmatch(module)):
            yield f"an object of the Python module {shown(module)}"
        if isinstance(table, str) and table.endswith(".json"):
            yield f"a table of another file, {shown(table)}"
        elif isinstance(table, str) and item.get("_class") in _READ_BY_PANDAS and not _is_json(table):
            yield "a table that is not JSON"


def _is_json(text: str) -> bool:
    try:
        parsed_json(text)
    except ValueError:
        return False
    return True


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
