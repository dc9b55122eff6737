"""A worker is killed at each point of a delivery (security.md 5.3): no message is lost or sent twice."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db  # what is copied has to be there

PHONES = ["+8613800138001", "+8613800138002", "+8613800138003"]


@pytest.fixture(scope="module")
def results(run_in_subprocess):
    return run_in_subprocess("sms.tests.outbox.crash_worker")


@pytest.mark.parametrize("point", ["p3", "p4", "p4 torn", "p5", "p6"])
def test_file_gateway_looks_up_what_it_wrote_and_sends_the_rest_once(results, point):
    result = results[f"file {point}"]
    assert result["killed_with"] == (["sent"] * 3 if point == "p6" else ["claimed"] * 3)
    assert result["states"] == ["sent"] * 3
    assert result["handed_over"] == PHONES
    assert result["encrypted"] == 0


@pytest.mark.parametrize(("point", "handed_over"), [("p3", PHONES[1:]), ("p4", PHONES), ("p5", PHONES), ("p6", PHONES)])
def test_network_gateway_leaves_at_most_one_unknown_and_sends_nothing_twice(results, point, handed_over):
    result = results[f"network {point}"]
    assert result["states"] == (["sent"] * 3 if point == "p6" else ["sent", "sent", "unknown"])
    assert result["handed_over"] == handed_over
    assert result["encrypted"] == 0
