"""The grid side: feeder, devices, dispatch, power flow, tariff."""
