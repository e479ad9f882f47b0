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

_KNOWN = re.compile(
    r"pandas(\.core\.\w+(\.\w+)?)?:(DataFrame|Series|\w*Index)|numpy:(array|bool_?|u?int\d+|float\d+|complex\d+|str_)"
    r"|networkx:MultiGraph|builtins:(complex|tuple|set|frozenset)|shapely:\w+|geopandas\.geodataframe:GeoDataFrame"
    r"|pandapower(\.auxiliary)?:pandapowerNet|pandapower\.control(\.[A-Za-z]\w*)*:[A-Z]\w*"
)
"""Module and class of what a net is made of; others in it would be imported, and so run."""
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
    """Yield what reading a net would import, or read elsewhere, beyond tables; texts within are JSON again.

    Readers of JSON differ in what they forgive, so a text that pandapower reads must be JSON to Python's.
    """
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        if isinstance(item, dict):
            waiting += item.values()
            yield from _foreign_object(item)
        if isinstance(item, str) and item.lstrip()[:1] in {"{", "["}:
            try:
                waiting.append(parsed_json(item))
            except ValueError as fault:  # a text that only begins like JSON holds nothing
                if TOO_DEEP in str(fault):
                    yield f"a text that {TOO_DEEP}"


def _foreign_object(item: dict[str, Any]) -> Iterator[str]:
    module, kind, content = item.get("_module"), item.get("_class"), item.get("_object")
    if module is not None and not _KNOWN.fullmatch(f"{module}:{kind}"):
        yield f"an object of the Python module {shown(module)} ({shown(kind)})"
    if not isinstance(content, str):
        return
    if content.endswith(".json"):
        yield f"a table of another file, {shown(content)}"
    if module not in {None, "numpy", "builtins"}:
        try:
            parsed_json(content)
        except ValueError as fault:
            yield f"a table that is not JSON ({fault})"


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
