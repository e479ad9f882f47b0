"""Nets of pandapower that several tests read."""

import warnings
from typing import Any

from cosim.grid.feeder import VoltageRules

WIDE = VoltageRules(min_pu=0.9, max_pu=1.1)
NETS = ("case33bw", "create_cigre_network_mv", "mv_oberrhein", "create_cigre_network_lv")


def net_named(name: str) -> Any:
    import pandapower.networks

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(pandapower.networks, name)()


def two_levels() -> Any:
    """Make a tree fed through a tapped transformer from its far end, with cable, shunt, fused and open switches.

    Two unlike transformers stand in parallel.
    """
    import pandapower as pp

    net = pp.create_empty_network(sn_mva=3.0)
    buses = [
        pp.create_bus(net, vn_kv=kv, name=name)
        for name, kv in (("low", 20), ("high", 110), ("fused", 110), ("end", 110), ("beyond", 110))
    ]
    pp.create_ext_grid(net, buses[0], vm_pu=1.01)
    pp.create_transformer(net, buses[1], buses[0], "25 MVA 110/20 kV", tap_pos=-3)
    pp.create_switch(net, buses[1], buses[2], et="b")
    pp.create_transformer(net, buses[1], buses[0], "40 MVA 110/20 kV", tap_pos=-3)
    cable = pp.create_line(net, buses[2], buses[3], 20.0, "N2XS(FL)2Y 1x240 RM/35 64/110 kV")
    pp.create_switch(net, buses[3], cable, et="l", closed=True)
    spur = pp.create_line(net, buses[3], buses[4], 5.0, "N2XS(FL)2Y 1x240 RM/35 64/110 kV")
    pp.create_switch(net, buses[4], spur, et="l", closed=False)
    net.bus.loc[buses[4], "in_service"] = False
    pp.create_load(net, buses[3], p_mw=9.0, q_mvar=3.0, const_z_p_percent=0.0)
    pp.create_sgen(net, buses[2], p_mw=2.0, q_mvar=0.5, scaling=0.5)
    pp.create_shunt(net, buses[3], q_mvar=-1.5, p_mw=0.02)
    return net
