"""The feeder and where it is read from: CSV tables, pandapower nets, MATPOWER files."""

from cosim.grid.csv_feeder import read_feeder_csv
from cosim.grid.pandapower_net import feeder_from_pandapower
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.voltage_rules import VoltageRules

__all__ = [
    "BASE_KVA",
    "Feeder",
    "VoltageRules",
    "feeder_from_pandapower",
    "read_feeder_csv",
]
