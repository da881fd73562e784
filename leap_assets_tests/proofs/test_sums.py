"""Whole numbers of any size: the fast way and Python's own give the same."""

from fractions import Fraction

import numpy as np
import pytest

from leap_assets.proofs.sums import (
    EXACT_DOUBLE,
    TOO_LARGE,
    accumulate,
    nullable,
    round_quotient,
    sum_by,
    to_millionths,
    whole,
)

LARGE = 10**22
NUMBERS = [0, 1, -1, 7, 2**53 - 1, 2**53 + 1, -(2**62), TOO_LARGE - 1, LARGE, -LARGE - 1]


def nearest(numerator: int, denominator: int) -> int:
    """Halves away from zero, by fractions."""
    size = int(abs(Fraction(numerator, denominator)) + Fraction(1, 2))
    return -size if numerator < 0 else size


@pytest.mark.parametrize("factor", [1, 10**3, 10**18])
def test_sums_are_exact_whatever_their_size(factor):
    random = np.random.default_rng(5)
    group = random.integers(0, 6, 200)
    numbers = [number * factor for number in random.integers(-(10**9), 10**9, 200).tolist()]
    sums = sum_by(group, whole(numbers), 7)
    expected = [sum(n for n, own in zip(numbers, group.tolist(), strict=True) if own == g) for g in range(7)]
    assert sums.tolist() == expected
    running = accumulate(whole(numbers)).tolist()
    assert running == [sum(numbers[: place + 1]) for place in range(len(numbers))]


def test_a_sum_beyond_int64_of_numbers_that_fit_is_exact():
    half = np.array([2**62, 2**62, 2**62], dtype=np.int64)
    assert sum_by(np.zeros(3, dtype=np.int64), half, 1).tolist() == [3 * 2**62]
    assert accumulate(half).tolist() == [2**62, 2**63, 3 * 2**62]
    assert to_millionths(half, whole([1, 2, 3])).tolist() == [10_000 * 2**62 + one for one in (1, 2, 3)]


@pytest.mark.parametrize("numerator", NUMBERS)
@pytest.mark.parametrize("denominator", [1, 2, 3, 7, 10**6, 2**31])
def test_a_quotient_is_the_nearest_whole_number(numerator, denominator):
    found = round_quotient(whole([numerator, numerator, 5]), np.array([denominator, 0, 2]))
    assert found[0] == nearest(numerator, denominator)
    assert found[1] is None or np.isnan(found[1])
    assert found[2] == 3


def test_nulls_take_no_digit_away():
    known = np.array([True, False])
    small = nullable(np.array([EXACT_DOUBLE - 1, 0]), known)
    assert (small[0], np.isnan(small[1])) == (EXACT_DOUBLE - 1, True)
    assert nullable(np.array([EXACT_DOUBLE + 1, 0]), known).tolist() == [EXACT_DOUBLE + 1, None]
    assert nullable(whole([LARGE, 5]), known).tolist() == [LARGE, None]
    assert nullable(np.array([1, 2]), ~known | known).dtype == np.int64


def test_no_numbers_are_no_error():
    none = np.empty(0, dtype=np.int64)
    assert sum_by(none, none, 2).tolist() == [0, 0]
    assert accumulate(none).tolist() == round_quotient(none, none).tolist() == whole([]).tolist() == []
