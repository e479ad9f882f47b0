from pathlib import Path

import pytest

from cosim.errors import ConfigError
from cosim.scenario import load_scenario

TOY = Path(__file__).parents[3] / "configs" / "toy.toml"


@pytest.mark.parametrize("field", ["patience_s", "delay_s"])
def test_nobody_may_wait_for_mail_into_the_next_period(field: str) -> None:
    with pytest.raises(
        ConfigError, match=r"2 \(delay_s \+ patience_s\) is \d+ s; .* must be below a period, 10800 s"
    ):
        load_scenario(TOY, [f"messages.{field}=6000"])
