"""What is told of the mail of a day: what was lost and late, and what an event did to it."""

import pytest

from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.run.report_words import lost_mail


def tables_of(toy: Scenario, ahead: DayAhead, *settings: str) -> dict[str, Frame]:
    return CoSimModel(load_scenario(toy.folder / "toy.toml", settings), ahead, seed=1).simulate()


@pytest.fixture(scope="module")
def deaf(toy: Scenario, toy_ahead: DayAhead) -> dict[str, Frame]:
    """The agents' tables of a day on which 99 of 100 messages are lost."""
    return tables_of(toy, toy_ahead, "messages.loss_probability=0.99")


def test_of_a_day_without_losses_none_is_told(toy_tables: dict[str, Frame]) -> None:
    mail = toy_tables["mail"]
    assert mail.sent.sum() > 0
    assert (mail.lost.sum(), mail.late.sum()) == (0, 0)
    assert set(mail.instead) == {""}
    assert lost_mail(mail) == []


def test_a_day_that_loses_99_of_100_messages_says_so(deaf: dict[str, Frame]) -> None:
    mail = deaf["mail"]
    assert mail.lost.sum() / mail.sent.sum() == pytest.approx(0.99, abs=0.01)
    assert (mail.late == 0).all()
    told = {row["kind"]: row["instead"] for row in lost_mail(mail)}
    assert told["LoadForecast"] == "the operator keeps the last forecast of the station"
    assert set(told) >= {"PeriodOpened", "TariffIssued", "DispatchIssued", "TripReported"}


def test_what_is_told_is_what_the_ledger_says(deaf: dict[str, Frame]) -> None:
    messages = deaf["messages"]
    information = messages[~messages.kind.isin(["ChargeRequest", "ChargeStarted", "ChargeEnded"])]
    counted = information.groupby("kind")[["receivers", "lost"]].sum()
    told = deaf["mail"].groupby("kind")[["sent", "lost"]].sum()
    assert counted.to_numpy().tolist() == told.to_numpy().tolist()


def test_a_forecast_that_takes_longer_than_the_operator_waits_is_late(
    toy: Scenario, toy_ahead: DayAhead
) -> None:
    event = '{kind="mail", from="09:00", until="18:00", message="LoadForecast", sender="S", delay_s=61}'
    tables = tables_of(toy, toy_ahead, f"events=[{event}]")
    forecasts = tables["mail"].query("kind == 'LoadForecast'").iloc[0]
    assert (forecasts.sent, forecasts.lost, forecasts.late) == (8, 0, 3)
    told = tables["events"].set_index("effect").amount
    assert (told["messages lost"], told["messages late"]) == (0, 3)
    issued = tables["messages"].query("kind == 'DispatchIssued'")
    waited = issued.sent_s[(issued.sent_s >= 9 * 3600) & (issued.sent_s < 18 * 3600)]
    assert (waited % 10_800 == 60).all(), "the operator has waited as long as its patience, and no longer"


def test_an_older_tariff_does_not_replace_a_newer_one(toy: Scenario, toy_ahead: DayAhead) -> None:
    settings = ["tariff.charging_price=nodal", "population.evs=20"]
    event = '{kind="mail", from="03:00", until="06:00", message="TariffIssued", delay_s=14_400}'
    late = tables_of(toy, toy_ahead, *settings, f"events=[{event}]")["stations"]
    lost = tables_of(
        toy, toy_ahead, *settings, f"events=[{event.replace('delay_s=14_400', 'loss_probability=1.0')}]"
    )
    assert late.price_cny_per_kwh.equals(lost["stations"].price_cny_per_kwh)
