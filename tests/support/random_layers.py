"""Random convolutions and pools, small enough to run by the thousand; some do not fit their input."""

from alexbook.arithmetic import trace
from alexbook.layers import AvgPool, Conv, MaxPool, pair
from alexbook.networks import Network
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = 2000  # different layers that a test must have seen
FEWER = 600
thousands = settings(max_examples=EXAMPLES + 100, derandomize=True, database=None, deadline=None,
                     suppress_health_check=list(HealthCheck))
fewer = settings(thousands, max_examples=FEWER)


def sizes(most):
    one = st.integers(1, most)
    return one | st.tuples(one, one)


def paddings(most):
    one = st.integers(0, most)
    two = st.tuples(one, one)
    return one | two | st.tuples(two, two) | st.just("same")


@st.composite
def networks(draw, most_groups=3):
    """A network of one convolution or pool on maps of 1 to 14 pixels a side."""
    rounding = draw(st.sampled_from(["floor", "ceil"]))
    shape = (draw(st.integers(1, 14)), draw(st.integers(1, 14)), draw(st.integers(1, 6)))
    if draw(st.booleans()):
        groups = draw(st.integers(1, most_groups))
        layer = Conv(groups * draw(st.integers(1, 3)), draw(sizes(5)), draw(sizes(4)), draw(paddings(4)),
                     draw(sizes(3)), groups, draw(st.booleans()), name="layer")
    else:
        kind = draw(st.sampled_from([MaxPool, AvgPool]))
        kernel = draw(sizes(5))
        # The book refuses a pool's window wholly in padding; the frameworks, which pad in a step of its own, do not.
        most_padding = min(2, min(pair(kernel)) - 1)
        layer = kind(kernel, draw(st.none() | sizes(4)), draw(paddings(most_padding)), name="layer")
    return Network("random", "random", "drawn by hypothesis", shape, (layer,), rounding)


def traced(network):
    """Output shape and parameters by the trace, or ``None`` where it says that the layer does not fit."""
    try:
        row, = trace(network)
    except ValueError:
        return None
    return row.output_shape, row.parameters
