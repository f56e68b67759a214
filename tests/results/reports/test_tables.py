"""Tables tell who ended where, in the right order and with the right number."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import accord
from accord.cli.terminal import shown
from accord.core.formatting import count, number
from accord.results.reports import tables
from accord.results.run import Run


def test_the_worst_off_stands_first_and_is_marked(server: Run) -> None:
    table = tables.agents(server)
    assert table.rows[0].cells[0] == server.worst_agent == "far & <away>"
    assert [row.marked for row in table.rows] == [True, False, False]
    assert [row.cells[3] for row in table.rows] == [number(loss) for loss in sorted(server.losses, reverse=True)]


def test_further_columns_follow_the_agents_and_not_the_rows(server: Run) -> None:
    table = tables.agents(server, {"number": [10.0, 20.0, 30.0]})
    found = {row.cells[0]: row.cells[4] for row in table.rows}
    assert found == {"near": "10.00", "far & <away>": "20.00", "middle": "30.00"}


def test_prices_show_decisions_in_the_agents_own_order(market: Run) -> None:
    table = tables.agents(market)
    assert table.header == ("agent", "decision", "cost")
    assert [row.cells[1] for row in table.rows] == ["400.0", "250.0", "150.0"]  # Saadat 7.4
    assert not any(row.marked for row in table.rows)


def test_an_agent_without_rows_has_no_loss_and_stands_last(server: Run) -> None:
    table = tables.agents(dataclasses.replace(server, lost=np.array([np.nan, 2.0, 1.0])))
    assert [(row.cells[0], row.cells[3]) for row in table.rows][-1] == ("near", "–")
    assert [row.share for row in table.rows] == [1.0, 0.5, 0.0]


def test_a_comparison_is_sorted_by_the_distance_to_the_optimum(server: Run, peers: Run) -> None:
    table = tables.comparison({"dgd": peers, "fedsgd": server}, float(server.history["objective"].iloc[-1]))
    assert [row.cells[0] for row in table.rows] == ["fedsgd", "dgd"]
    assert [row.cells[-1] for row in table.rows] == ["converged", "limit"]


def test_history_is_thinned_but_keeps_its_ends(peers: Run) -> None:
    rows = tables.history(peers, most=5).rows
    assert len(rows) == 5
    assert (rows[0].cells[0], rows[-1].cells[0]) == ("0", str(peers.rounds))


def test_violation_has_its_own_name_for_prices_and_stands_once(market: Run) -> None:
    header = tables.history(market).header
    assert header.count("violation") == 1
    assert "disagreement" not in header


def test_a_shortened_table_keeps_what_is_marked() -> None:
    table = tables.Table(("a",), tuple(tables.Row((str(i),), marked=i == 8) for i in range(10)))
    shorter, left_out = tables.shortened(table, 3)
    assert [row.cells[0] for row in shorter.rows] == ["0", "1", "2", "8"]
    assert left_out == 6


def test_coefficients_bear_the_names_of_their_columns(server: Run) -> None:
    frame = pd.DataFrame({"by": list("aabb"), "x": [0.0, 1, 2, 3], "z": [1.0, 0, 0, 1], "y": [0.0, 2, 4, 6]})
    problem = accord.Problem.from_table(frame, by="by", target="y", model="least_squares", standardise=False)
    table = tables.coefficients(dataclasses.replace(server, x=np.array([1.0, -2.0, 5.0]), table=problem.table))
    assert table is not None
    assert [row.cells for row in table.rows] == [("z", "−2.00"), ("x", "1.00"), ("intercept", "5.00")]
    assert [row.share for row in table.rows] == [1.0, 0.5, 0.0]


def test_a_model_without_names_has_no_table_of_coefficients(server: Run) -> None:
    assert tables.coefficients(server) is None


def test_a_terminal_never_breaks_a_name(server: Run, peers: Run) -> None:
    from rich.console import Console

    console = Console(width=80, force_terminal=False)
    table = tables.without(tables.comparison({"accelerated_gradient_t": peers, "b": server}, 0.0), "gradients")
    with console.capture() as capture:
        console.print(shown(table))
    assert "accelerated_gradient_t" in capture.get()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.99999, "1.000"),
        (-1e-12, "−1.000×10⁻¹²"),
        (1e-12, "10⁻¹²"),
        (123456789.0, "1.235×10⁸"),
        (float("inf"), "∞"),
        (999.96, "1,000"),
    ],
)
def test_numbers_are_written_to_the_digits_that_count(value: float, words: str) -> None:
    assert number(value) == words


def test_a_mean_of_counts_may_be_broken() -> None:
    assert [count(0.5), count(1234.5), count(3)] == ["0.5", "1,234", "3"]


def test_a_price_that_an_agent_has_stands_beside_its_loss(server: Run) -> None:
    table = tables.agents(dataclasses.replace(server, prices=np.array([0.25, 0.5, 0.75])))
    assert table.header[-1] == "price"
    assert {row.cells[0]: row.cells[-1] for row in table.rows} == {
        "near": "0.2500",
        "far & <away>": "0.5000",
        "middle": "0.7500",
    }
