"""How every test runs: strict promotion, reproducible examples, no display, no accelerator unless asked for.

Accord scopes precision itself (it follows the dtype of x0), so nothing here sets 64-bit globally: a test through
`accord.run` passes float64 and must get float64. A test of inner functions asks for the fixture `float64`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import version

# Set in the environment, so that programs which tests start have the same.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Programs of a test live for a second: the time that making them fast takes is better spent on more tests. One module a
# program, which jaxlib 0.10 offers and later versions do not, halves it.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_parallel_codegen_split_count=1 --xla_backend_optimization_level=0"
    + " --xla_cpu_use_fusion_emitters=false" * version("jaxlib").startswith("0.10."),
)

import hypothesis
import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_num_cpu_devices", 2)  # a cohort is divided over devices, on a machine of one core too
jax.devices()  # JAX starts, and the number stays

hypothesis.settings.register_profile("accord", derandomize=True, deadline=None, max_examples=20, database=None)
hypothesis.settings.load_profile("accord")


@pytest.fixture
def float64() -> Iterator[None]:
    """64-bit numbers for the length of one test, and no longer."""
    with jax.enable_x64(True):
        yield


GROUP = pytest.StashKey[str]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share what they compile run one after another, in one worker."""
    places = {group: place for place, group in enumerate(dict.fromkeys(map(group_of, items)))}
    items.sort(key=lambda item: places[group_of(item)])
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item: pytest.Item) -> str:
    """The method that a test is about, else its file."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    kind = next((value for name, value in parameters.items() if name.endswith("kind")), None)
    return getattr(kind, "__name__", item.path.name)


@pytest.fixture(autouse=True)
def forgotten(request: pytest.FixtureRequest) -> None:
    """What a group compiled is forgotten after it: every program maps memory, and a process may hold 65,530 maps."""
    group, stash = group_of(request.node), request.config.stash
    if stash.get(GROUP, group) != group:
        jax.clear_caches()
    stash[GROUP] = group
