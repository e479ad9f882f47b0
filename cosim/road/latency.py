"""Link times as functions of flow (Eq. 3): BPR on roads, Davidson on charging arcs.

Each function takes flows [veh/h] whose last axis is the links; a leading axis may be the periods.

Davidson is singular at the capacity c. Flow is never clipped: at or beyond c it raises, for clipped times let
averaging settle on false equilibria. ``extend=True`` continues the curve as a straight line from .99 c, to
show overload; whoever asks for that must flag the result (:func:`is_overloaded`).
"""

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import ModelError
from cosim.road.network import Network

EXTEND_FROM = 0.99
"""Share of capacity from which an extended Davidson function is a straight line."""

FIT_UTILISATION = np.linspace(0.10, 0.95, 86)
"""Uses of a station over which Davidson's J is fitted to the M/M/c wait."""


def link_time_min(network: Network, flow_veh_h: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return the time of every link (Eq. 3) [min]; ModelError where a station is at or beyond capacity."""
    time = network.t0_min * (1 + network.alpha * (flow_veh_h / network.capacity_veh_h) ** network.beta)
    arcs = network.charging_arcs
    if arcs.size:
        inside, beyond = _split(network, flow_veh_h[..., arcs], extend=extend)
        time[..., arcs] = _davidson_time(network, inside) + _davidson_slope(network, inside) * beyond
    return time


def link_time_slope(network: Network, flow_veh_h: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return the derivative of every link's time by its own flow [min per veh/h]."""
    growth = network.alpha * network.beta / network.capacity_veh_h
    slope = network.t0_min * growth * (flow_veh_h / network.capacity_veh_h) ** (network.beta - 1)
    arcs = network.charging_arcs
    if arcs.size:
        inside, _ = _split(network, flow_veh_h[..., arcs], extend=extend)
        slope[..., arcs] = _davidson_slope(network, inside)
    return slope


def station_flow_veh_h(network: Network, time_min: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return the flow at which each station takes *time_min*: Davidson inverted, one entry per station.

    Whatever the time, the flow is below capacity. Below t0 the curve goes on as its tangent there, to
    negative flows: a search may pass through, an equilibrium cannot end there.
    """
    t0, c, j = _arc_parameters(network)
    wait = time_min - t0
    flow = c * wait / np.where(wait > 0, wait + j * t0, j * t0)
    if extend:
        limit = EXTEND_FROM * c
        flow = np.where(
            flow > limit,
            limit + (time_min - _davidson_time(network, limit)) / _davidson_slope(network, limit),
            flow,
        )
    return flow


def station_slope_at_time(network: Network, time_min: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return dt/dx of each station where it takes *time_min* [min per veh/h]; exact up to capacity."""
    t0, c, j = _arc_parameters(network)
    slope = (np.maximum(time_min - t0, 0.0) + j * t0) ** 2 / (c * j * t0)
    return np.minimum(slope, _davidson_slope(network, EXTEND_FROM * c)) if extend else slope


def link_time_integral(network: Network, flow_veh_h: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return the integral of every link's time from 0 to its flow [min veh/h]; Beckmann's and Fisk's term."""
    load = flow_veh_h / network.capacity_veh_h
    integral = network.t0_min * flow_veh_h * (1 + network.alpha / (network.beta + 1) * load**network.beta)
    arcs = network.charging_arcs
    if arcs.size:
        inside, beyond = _split(network, flow_veh_h[..., arcs], extend=extend)
        integral[..., arcs] = (
            _davidson_integral(network, inside)
            + _davidson_time(network, inside) * beyond
            + _davidson_slope(network, inside) * beyond**2 / 2
        )
    return integral


def is_overloaded(network: Network, flow_veh_h: FloatArray) -> BoolArray:
    """Return which charging arcs are loaded beyond .99 c, where an extended time is not Davidson's."""
    return network.is_charging & (flow_veh_h > EXTEND_FROM * network.capacity_veh_h)


def fit_davidson_j(chargers: int) -> float:
    """Return Davidson's J that fits the mean wait of an M/M/c queue best (least squares, 10 to 95 % use).

    With service time t0 the wait is t0 C(c, rho) / (c (1 - rho)) (Erlang C), Davidson's t0 J rho / (1 - rho):
    they are equal for one charger and J = 1.
    """
    rho = FIT_UTILISATION
    blocked = np.ones_like(rho)  # Erlang B by its recursion over the chargers
    for servers in range(1, chargers + 1):
        blocked = chargers * rho * blocked / (servers + chargers * rho * blocked)
    delayed = blocked / (1 - rho * (1 - blocked))
    wait, davidson = delayed / (chargers * (1 - rho)), rho / (1 - rho)
    return float(wait @ davidson / (davidson @ davidson))


def _split(network: Network, flow: FloatArray, *, extend: bool) -> tuple[FloatArray, FloatArray]:
    """Return the station flow on Davidson's curve and the rest on its tangent (zero unless extended)."""
    capacity = network.capacity_veh_h[network.charging_arcs]
    if extend:
        inside = np.minimum(flow, EXTEND_FROM * capacity)
        return inside, flow - inside
    full = np.flatnonzero((flow >= capacity).reshape(-1, capacity.size).any(axis=0))
    if full.size:
        at = full[0]
        msg = (
            f"station {network.stations[at]}: {flow[..., at].max():.6g} veh/h is at or beyond its capacity "
            f"of {capacity[at]:.6g} veh/h, where Davidson's time is infinite"
        )
        raise ModelError(msg)
    return flow, np.zeros_like(flow)


def _davidson_time(network: Network, flow: FloatArray) -> FloatArray:
    """Return t0 (1 + J x / (c - x)), Eq. 3 on the charging arcs alone."""
    t0, c, j = _arc_parameters(network)
    return t0 * (1 + j * flow / (c - flow))


def _davidson_slope(network: Network, flow: FloatArray) -> FloatArray:
    """Return dt/dx = t0 J c / (c - x)^2."""
    t0, c, j = _arc_parameters(network)
    return t0 * j * c / (c - flow) ** 2


def _davidson_integral(network: Network, flow: FloatArray) -> FloatArray:
    """Return int_0^x t = t0 (x - J (x + c ln(1 - x/c)))."""
    t0, c, j = _arc_parameters(network)
    return t0 * (flow - j * (flow + c * np.log1p(-flow / c)))


def _arc_parameters(network: Network) -> tuple[FloatArray, FloatArray, FloatArray]:
    arcs = network.charging_arcs
    return network.t0_min[arcs], network.capacity_veh_h[arcs], network.davidson_j[arcs]
