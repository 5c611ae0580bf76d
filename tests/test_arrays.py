"""Named arrays check themselves, and survive JSON exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spaces_app.arrays import NamedArray, positions

VALUES = np.array([[0.1, np.nan], [1 / 3, -2.0]], dtype=np.float32)


def array() -> NamedArray:
    return NamedArray(VALUES, {"input": positions(2), "generated": positions(2)}, "logit")


def test_json_keeps_every_float32_and_writes_a_missing_cell_as_null():
    text = json.dumps(array().to_dict(), allow_nan=False)
    assert json.loads(text)["values"][0][1] is None
    back = NamedArray.from_dict(json.loads(text))
    assert back.values.tobytes() == VALUES.tobytes() and back.axes == array().axes and back.unit == "logit"


def test_selecting_a_label_removes_its_axis():
    picked = array().select(input=1)
    assert picked.axes == {"generated": (0, 1)} and picked.values.tolist() == [np.float32(1 / 3), -2.0]
    with pytest.raises(KeyError, match="7"):
        array().select(input=7)


def test_labels_that_do_not_fit_and_infinities_are_refused():
    with pytest.raises(ValueError, match="does not fit"):
        NamedArray(VALUES, {"input": (0, 1, 2), "generated": (0, 1)}, "logit")
    with pytest.raises(ValueError, match="infinite"):
        NamedArray(np.array([np.inf]), {"input": (0,)}, "logit")


def test_a_result_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        array().values[0, 0] = 1


def test_an_empty_axis_survives_json():
    empty = NamedArray(np.zeros((2, 0)), {"input": (0, 1), "generated": ()}, "nats")
    assert NamedArray.from_dict(json.loads(json.dumps(empty.to_dict()))).values.shape == (2, 0)
