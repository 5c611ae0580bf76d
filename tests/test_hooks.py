"""Hooks before the output layer: what the head sees, and a head that a model does not use."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from spaces_app.engine.hooks import cut
from spaces_app.errors import NotSupported


def test_the_head_sees_the_positions_asked_for_and_no_others():
    head = nn.Linear(2, 3, bias=False)
    hidden = torch.arange(8.0).reshape(1, 4, 2)  # (B, N, D)
    with cut(head, slice(1, 3)) as taken:
        logits = head(hidden)
    assert torch.equal(logits, hidden[:, 1:3] @ head.weight.T) and torch.equal(taken.hidden, hidden[:, 1:3])
    with cut(head, torch.tensor([[3, 0]])) as taken:
        head(hidden)
    assert taken.hidden.tolist() == [[[6.0, 7.0], [0.0, 1.0]]]
    assert head(hidden).shape == (1, 4, 3)  # and outside it sees everything again


def test_a_head_that_nothing_passes_through_is_refused():
    head = nn.Linear(2, 3)
    with pytest.raises(NotSupported, match="does not pass through its output layer"), cut(head, slice(0, 1)):
        torch.zeros(1)
    assert not head._forward_pre_hooks


def test_an_error_inside_is_not_hidden_by_that_sentence():
    head = nn.Linear(2, 3)
    with pytest.raises(ZeroDivisionError), cut(head, slice(0, 1)):
        raise ZeroDivisionError
    assert not head._forward_pre_hooks
