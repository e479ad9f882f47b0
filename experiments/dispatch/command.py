"""The command ``cosim dispatch``: feeders alone, without roads."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cosim.errors import ModelError
from experiments.options import AllowOutside, AsJson, Out, Settings, permissions
from experiments.say import say

if TYPE_CHECKING:
    from cosim.grid.feeder import Feeder
    from experiments.dispatch.input import DispatchInput
    from experiments.dispatch.study import Dispatched, Rolling
    from experiments.study import CommandResult

FLAGS_SHOWN = 8
Grid = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG|NET",
        help="A scenario (file or name); or a network: a name in pandapower, its JSON file, a MATPOWER .m file.",
    ),
]
Price = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER|CSV",
        help="CNY/kWh, or a file with a column price_cny_per_kwh; by default the scenario's tariff, else 0.68.",
    ),
]
Profile = Annotated[
    Path | None,
    typer.Option(
        help="Of a network: CSV, one row per period: load_pu scales the loads, units name the others."
    ),
]
DeviceFile = Annotated[
    Path | None,
    typer.Option(help="Of a network: TOML with what [grid] of a scenario holds: turbines, storage, limits."),
]
StationLoad = Annotated[
    Path | None,
    typer.Option(help="CSV of charging load [kW], a column per station (of a network: per bus)."),
]
RollingKind = Annotated[
    Literal["shrinking", "receding"] | None,
    typer.Option(
        "--rolling",
        help="Plan anew in every period, to the end of the day or a window ahead, and carry out the first.",
    ),
]
WithEquilibrium = Annotated[
    bool, typer.Option("--with-equilibrium", help="Take the station load of the scenario's equilibrium.")
]
PeriodMin = Annotated[float, typer.Option(help="Of a network: minutes of a period.")]
Window = Annotated[
    int | None, typer.Option(min=1, help="Periods a receding plan looks ahead; by default a day.")
]
ForecastError = Annotated[
    float,
    typer.Option(min=0.0, help="Of a rolling day: drift of a forecast per period, as a share of the value."),
]


def dispatch_command(  # noqa: PLR0913, PLR0917  (one parameter per option)
    network: Grid,
    price: Price = None,
    profile: Profile = None,
    devices: DeviceFile = None,
    stations: StationLoad = None,
    with_equilibrium: WithEquilibrium = False,
    period_min: PeriodMin = 60.0,
    rolling: RollingKind = None,
    window: Window = None,
    forecast_error: ForecastError = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the forecast errors.")] = 1,
    settings: Settings = None,
    allow_outside: AllowOutside = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Dispatch feeders alone, at least cost, and prove it: set-points, nodal prices, certificate.

    A network alone is by default one period at its own loads.
    """
    from experiments.dispatch.input import Options, read_dispatch_input
    from experiments.dispatch.study import Rolling
    from experiments.study import emit

    options = Options(
        price=price,
        profile=profile,
        devices=devices,
        stations=stations,
        with_equilibrium=with_equilibrium,
        period_min=period_min,
        settings=tuple(settings or ()),
        allow=permissions(outside=allow_outside),
    )
    asked = read_dispatch_input(network, options)
    _check_rolling(rolling, window, forecast_error, len(asked.price_cny_per_kwh))
    how = Rolling(kind=rolling, window=window, forecast_error=forecast_error, seed=seed) if rolling else None
    emit(_study(asked, how, as_json=as_json), out, as_json=as_json)


def _study(asked: "DispatchInput", rolling: "Rolling | None", *, as_json: bool) -> "CommandResult":
    """Return the dispatch; where there is none, an object of nulls is printed for those who asked for JSON."""
    from experiments.dispatch.page import page
    from experiments.dispatch.study import JSON_KEYS, dispatch_all
    from experiments.dispatch.tables import tables_of
    from experiments.study import CommandResult

    try:
        answer = dispatch_all(asked, rolling)
    except ModelError:
        if as_json:
            say(json.dumps(dict.fromkeys(JSON_KEYS) | {"status": "failed", "notes": asked.notes}))
        raise
    return CommandResult(
        command="dispatch",
        facts=answer.as_json(),
        lines=_lines(answer),
        flags=_flags(answer),
        notes=answer.notes,
        tables=lambda: tables_of(answer),
        page=lambda tables: page(answer, tables),
    )


def _flags(answer: "Dispatched") -> list[str]:
    """Return what is wrong with the answer, as much of it as can be read at a glance."""
    from experiments.dispatch.study import WITHIN_LIMITS

    if not answer.flags:
        return []
    heading = "load is cut off" if answer.status in WITHIN_LIMITS else answer.status
    shown = answer.flags[:FLAGS_SHOWN]
    more = len(answer.flags) - len(shown)
    rest = [f"and {more} more; --out writes them all as the table violations."] if more else []
    return ["\n  - ".join([f"{heading}:", *shown, *rest])]


def _check_rolling(rolling: str | None, window: int | None, forecast_error: float, periods: int) -> None:
    """Refuse options that would change nothing, or look further than a day."""
    from cosim.errors import ConfigError

    problems = []
    if window is not None and rolling != "receding":
        problems.append("--window needs --rolling receding")
    if forecast_error and rolling is None:
        problems.append("--forecast-error needs --rolling shrinking or receding")
    if window is not None and window > periods:
        problems.append(f"--window is {window}; there are {periods} periods")
    if problems:
        source = "options"
        raise ConfigError(source, problems)


def _last_bus(feeder: "Feeder") -> str:
    """Return the last bus of a feeder that is not merely the open end of a line."""
    return next(bus for bus in reversed(feeder.bus_names) if not bus.startswith("open end"))


def _lines(answer: "Dispatched") -> list[str]:
    from cosim.grid.bus_words import at_bus
    from experiments.study import aligned

    told, feeder = answer.as_json(), answer.asked.cases[0].feeder

    def number(key: str, form: str) -> str:
        return "-" if told[key] is None else format(told[key], form)

    facts = {
        "status": told["status"],
        "exactness recovery": told["exactness_recovery"],
        "cost": f"{number('cost_cny', ',.3f')} CNY",
        "lower bound": f"{number('lower_bound_cny', ',.3f')} CNY",
        "optimality gap": number("optimality_gap", ".1e"),
        "purchase": f"{number('purchase_kwh', ',.1f')} kWh",
        "losses": f"{number('losses_kwh', ',.1f')} kWh",
        "lowest voltage": f"{number('voltage_min_pu', '.5f')} p.u., {at_bus(told['voltage_min_bus'])}, "
        f"period {told['voltage_min_period']}",
        "relaxation error": f"{number('relaxation_error_max', '.1e')} p.u. at most",
        "AC mismatch": f"{number('ac_mismatch_max_pu', '.1e')} p.u. at most",
        "solver": f"{told['solver']} ({told['cpu_s']:.3f} s CPU)",
    }
    if feeder.bus_numbers:
        facts["buses"] = f"{feeder.bus_names[0]} to {_last_bus(feeder)}; {feeder.bus_numbers}"
    if answer.rolling:
        facts["planned cost"] = f"{number('planned_cost_cny', ',.3f')} CNY as first planned"
        caveat = f" ({words})" if (words := answer.foresight_caveat) else ""
        facts["foresight cost"] = f"{number('foresight_cost_cny', ',.3f')} CNY had all been known{caveat}"
    return aligned(facts)
