"""Link times as functions of flow (Eq. 3 of Ma et al. 2024): BPR on roads, Davidson (1966) on charging arcs.

Each function takes flows [veh/h] whose last axis is the links; a leading axis may be the periods.

Davidson is singular at the capacity c. Flow is never clipped, because clipped times make averaging converge to false
equilibria: at or beyond c a ModelError is raised. ``extend=True`` continues the curve linearly from 0.99 c, to show an
overload; the caller must flag the result (:func:`is_overloaded`).

On a network of marginal costs each function is that of t + x t'. For BPR this is BPR with alpha (1 + beta); Davidson's
r = x / (c - x) becomes r (2 + r). The integral over flow is then x t, the total travel time of the link.
"""

from dataclasses import replace

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import ModelError
from cosim.road.network import Network

EXTENSION_START = 0.99
"""Utilisation beyond which an extended Davidson function is linear."""
START_UTILISATION = 0.9
"""Utilisation of a station at the start of a search, if more is loaded; an averaging step takes up this share of its
free capacity at most."""

FIT_UTILISATION = np.linspace(0.10, 0.95, 86)
"""Utilisations over which Davidson's J is fitted to the M/M/c wait."""


def link_time_min(network: Network, flow_veh_h: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return the time of every link (Eq. 3) [min]; ModelError where a station is at or beyond capacity."""
    time = network.t0_min * (1 + _alpha(network) * (flow_veh_h / network.capacity_veh_h) ** network.beta)
    arcs = network.charging_arcs
    if arcs.size:
        inside, beyond = _split(network, flow_veh_h[..., arcs], extend=extend)
        time[..., arcs] = _davidson_time(network, inside) + _slope_beyond(network) * beyond
    return time


def link_toll_min(network: Network, flow_veh_h: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return x t', the marginal external cost of a traveller per link [min]; zero if costs are not marginal."""
    if not network.marginal:
        return np.zeros_like(flow_veh_h)
    return flow_veh_h * link_time_slope(replace(network, marginal=False), flow_veh_h, extend=extend)


def link_time_slope(network: Network, flow_veh_h: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return the derivative of every link time with respect to its flow [min per veh/h]."""
    growth = _alpha(network) * network.beta / network.capacity_veh_h
    slope = network.t0_min * growth * (flow_veh_h / network.capacity_veh_h) ** (network.beta - 1)
    arcs = network.charging_arcs
    if arcs.size:
        inside, beyond = _split(network, flow_veh_h[..., arcs], extend=extend)
        slope[..., arcs] = np.where(beyond > 0, _slope_beyond(network), _davidson_slope(network, inside))
    return slope


def station_flow_veh_h(network: Network, time_min: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return the flow at which each station takes *time_min*, the inverse of Davidson's function; per station.

    The flow is below capacity at any time. Below t0 the curve is extended by its tangent to negative flows, which occur
    during a search, but not at an equilibrium.
    """
    c = network.capacity_veh_h[network.charging_arcs]
    ratio = _ratio_at_time(network, time_min)
    flow = c * ratio / np.where(ratio > 0, 1 + ratio, 1.0)
    if extend:
        limit = EXTENSION_START * c
        beyond = (time_min - _davidson_time(network, limit)) / _slope_beyond(network)
        flow = np.where(flow > limit, limit + beyond, flow)
    return flow


def station_slope_at_time(network: Network, time_min: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return dt/dx of each station at the flow where it takes *time_min* [min per veh/h]; exact up to capacity."""
    t0, c, j = _arc_parameters(network)
    ratio = np.maximum(_ratio_at_time(network, time_min), 0.0)
    slope: FloatArray = t0 * j * (1 + ratio) ** 2 / c
    if network.marginal:
        slope *= 2 * (1 + ratio)
    return (
        np.where(ratio > EXTENSION_START / (1 - EXTENSION_START), _slope_beyond(network), slope)
        if extend
        else slope
    )


def link_time_integral(network: Network, flow_veh_h: FloatArray, *, extend: bool = False) -> FloatArray:
    """Return the integral of every link's time from 0 to its flow [min veh/h]; the term of Beckmann and Fisk."""
    load = flow_veh_h / network.capacity_veh_h
    integral = network.t0_min * flow_veh_h * (1 + _alpha(network) / (network.beta + 1) * load**network.beta)
    arcs = network.charging_arcs
    if arcs.size:
        inside, beyond = _split(network, flow_veh_h[..., arcs], extend=extend)
        integral[..., arcs] = (
            _davidson_integral(network, inside)
            + _davidson_time(network, inside) * beyond
            + _slope_beyond(network) * beyond**2 / 2
        )
    return integral


def flow_integral(
    network: Network, flow_veh_h: FloatArray, time_min: FloatArray, *, extend: bool = False
) -> FloatArray:
    """Return the integral of every link's flow over time, from t0 to *time_min* = t(x): x t - int_0^x t dx.

    For negative flows during a search, a road's integral is zero and a station's is that of the tangent.
    """
    integral = link_time_integral(network, np.maximum(flow_veh_h, 0.0), extend=extend)
    tangent = flow_veh_h * (time_min - network.t0_min) / 2
    return np.where(flow_veh_h < 0, tangent, flow_veh_h * time_min - integral)


def is_overloaded(network: Network, flow_veh_h: FloatArray) -> BoolArray:
    """Return a mask of the charging arcs loaded beyond 0.99 c, where an extended time is not Davidson's."""
    return network.is_charging & (flow_veh_h > EXTENSION_START * network.capacity_veh_h)


def fit_davidson_j(chargers: int) -> float:
    """Return Davidson's J fitted to the mean wait of an M/M/c queue (least squares, utilisation 10 to 95 %).

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
        inside = np.minimum(flow, EXTENSION_START * capacity)
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


def _alpha(network: Network) -> FloatArray:
    alpha: FloatArray = network.alpha * (1 + network.beta) if network.marginal else network.alpha
    return alpha


def _davidson_time(network: Network, flow: FloatArray) -> FloatArray:
    """Return t0 (1 + J x / (c - x)), Eq. 3 on the charging arcs alone."""
    t0, c, j = _arc_parameters(network)
    ratio = flow / (c - flow)
    return t0 * (1 + j * ratio * (2 + ratio if network.marginal else 1.0))


def _davidson_slope(network: Network, flow: FloatArray) -> FloatArray:
    """Return dt/dx = t0 J c / (c - x)^2; of marginal costs 2 t0 J c^2 / (c - x)^3."""
    t0, c, j = _arc_parameters(network)
    slope: FloatArray = t0 * j * c / (c - flow) ** 2
    return slope * 2 * c / (c - flow) if network.marginal else slope


def _slope_beyond(network: Network) -> FloatArray:
    """Return the slope beyond 0.99 c: that of the tangent, and twice it for marginal costs, as (x t)'' = 2 t'."""
    t0, c, j = _arc_parameters(network)
    tangent: FloatArray = t0 * j / (c * (1 - EXTENSION_START) ** 2)
    return 2 * tangent if network.marginal else tangent


def _davidson_integral(network: Network, flow: FloatArray) -> FloatArray:
    """Return int_0^x t = t0 (x - J (x + c ln(1 - x/c))); of marginal costs x t."""
    t0, c, j = _arc_parameters(network)
    if network.marginal:
        return t0 * flow * (1 + j * flow / (c - flow))
    return t0 * (flow - j * (flow + c * np.log1p(-flow / c)))


def _ratio_at_time(network: Network, time_min: FloatArray) -> FloatArray:
    """Return x / (c - x) at these times; below t0 the value x / c of the tangent."""
    t0, _, j = _arc_parameters(network)
    wait: FloatArray = (time_min - t0) / (j * t0)
    if network.marginal:  # r (2 + r) = wait
        wait = wait / (1 + np.sqrt(1 + np.maximum(wait, 0.0)))
    return wait


def _arc_parameters(network: Network) -> tuple[FloatArray, FloatArray, FloatArray]:
    arcs = network.charging_arcs
    return network.t0_min[arcs], network.capacity_veh_h[arcs], network.davidson_j[arcs]
