"""All policies on one experiment, in as many processes as the machine has cores."""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from devnet.stress.outcome import Outcome
from devnet.stress.policies import Policy
from devnet.stress.run import Experiment, Run


def compare(experiment: Experiment, policies: Sequence[Policy]) -> tuple[Outcome, ...]:
    """The outcome of every policy, in their order.

    Raises:
        ExperimentInvalid, BooksBroken, MessageRefused: see `Run`.
        node.market.errors.MarketError: a price that the ledger cannot serve.
    """
    experiment.population()
    workers = min(len(policies), os.cpu_count() or 1)
    if workers == 1:
        return tuple(play(policy, experiment) for policy in policies)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        runs = [pool.submit(play, policy, experiment) for policy in policies]
        return tuple(run.result() for run in runs)


def play(policy: Policy, experiment: Experiment) -> Outcome:
    """One policy's run, from the first book to the last round."""
    return Run.prepare(policy, experiment).play()
