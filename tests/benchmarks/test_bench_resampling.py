"""Resampling against the loops of scikit-learn, SciPy, mlxtend and sacrebleu.

Peers' loops are cut short and scaled to the whole task; their times in the table are those of the
few replicates that ran.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from hokusai_mlflow.metrics import metric
from hokusai_mlflow.stats.resampling import bootstrap, randomisation_test

N, REPLICATES = 100_000, 10_000


@pytest.fixture(scope="module", params=[2, 10], ids=["binary", "macro-10"])
def classes(request):
    return request.param


@pytest.fixture(scope="module")
def labels(classes):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, classes, N)
    # Confusions are not uniform: most errors go to a neighbouring class.
    neighbour = (truth + rng.choice([1, 2, 3], N, p=[0.7, 0.2, 0.1])) % classes
    baseline = np.where(rng.random(N) < 0.85, truth, neighbour)
    return truth, baseline, np.where(rng.random(N) < 0.12, truth, baseline)


@pytest.mark.benchmark(group="bootstrap of ΔF1, n = 100 000, B = 10 000")
class TestF1:
    def test_sklearn_loop(self, race, labels, classes):
        from sklearn.metrics import f1_score

        average = "binary" if classes == 2 else "macro"
        truth, baseline, candidate = labels
        rng = np.random.default_rng(1)

        def one():
            at = rng.integers(0, N, N)
            return f1_score(truth[at], candidate[at], average=average) - f1_score(
                truth[at], baseline[at], average=average
            )

        race.benchmark.group += f", {classes} classes"
        race.peer(one, scale=REPLICATES, rounds=7)

    def test_scipy_bootstrap(self, race, labels, classes):
        from scipy.stats import bootstrap as scipy_bootstrap

        truth, baseline, candidate = labels

        def f1(said, true, axis):
            scores = []
            for k in range(classes) if classes > 2 else [1]:
                hit = ((said == k) & (true == k)).sum(axis=axis)
                scores.append(2 * hit / ((said == k).sum(axis=axis) + (true == k).sum(axis=axis)))
            return np.mean(scores, axis=0)

        def difference(true, b, c, axis):
            return f1(c, true, axis) - f1(b, true, axis)

        race.benchmark.group += f", {classes} classes"
        race.peer(
            lambda: scipy_bootstrap(
                (truth, baseline, candidate),
                difference,
                paired=True,
                vectorized=True,
                n_resamples=5,
                batch=5,
                method="percentile",
            ),
            scale=REPLICATES / 5,
            rounds=2,
        )

    def test_ours(self, race, labels, classes):
        chosen = metric("f1", average="binary" if classes == 2 else "macro")
        race.benchmark.group += f", {classes} classes"
        race.ours(lambda: bootstrap(chosen, *labels, replicates=REPLICATES), bar=1_000, scipy=200)


@pytest.fixture(scope="module")
def errors():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=20_000)
    noise = rng.normal(size=(2, 20_000))
    return truth, truth + noise[0], truth + 0.99 * (0.7 * noise[0] + 0.7 * noise[1])


@pytest.mark.benchmark(group="exchange test of mean squared errors, n = 20 000, B = 10 000")
class TestExchange:
    def test_scipy_permutation_test(self, race, errors):
        from scipy.stats import permutation_test

        truth, baseline, candidate = errors
        race.peer(
            lambda: permutation_test(
                ((truth - baseline) ** 2, (truth - candidate) ** 2),
                lambda b, c, axis: b.mean(axis=axis) - c.mean(axis=axis),
                permutation_type="samples",
                vectorized=True,
                n_resamples=100,
                batch=100,
            ),
            scale=REPLICATES / 100,
        )

    def test_mlxtend_permutation_test(self, race, errors):
        from mlxtend.evaluate import permutation_test

        truth, baseline, candidate = errors
        race.peer(
            lambda: permutation_test(
                (truth - baseline) ** 2,
                (truth - candidate) ** 2,
                method="approximate",
                num_rounds=20,
                seed=0,
                paired=True,
            ),
            scale=REPLICATES / 20,
        )

    def test_ours(self, race, errors):
        race.ours(lambda: randomisation_test(metric("mse"), *errors), bar=5)


@pytest.fixture(scope="module")
def segments():
    rng = np.random.default_rng(2)
    words = np.array([f"w{i}" for i in range(300)])
    references = [rng.choice(words, rng.integers(8, 30)) for _ in range(2_000)]

    def corrupted(share):
        return [
            " ".join(np.where(rng.random(len(r)) < share, rng.choice(words, len(r)), r))
            for r in references
        ]

    return [" ".join(r) for r in references], corrupted(0.40), corrupted(0.39)


@pytest.fixture(scope="module")
def tokenised(segments):
    """Both sides get n-gram counts that are ready: the resampling alone is timed."""
    from hokusai_mlflow.metrics.bleu import Bleu

    references, *outputs = segments
    ready = {id(output): metric("bleu").statistics(references, output) for output in outputs}

    @dataclass(frozen=True)
    class Tokenised(Bleu):
        def statistics(self, targets, output):
            return ready[id(output)]

    return Tokenised()


def sacrebleu_test(segments, kind, replicates):
    from sacrebleu import significance
    from sacrebleu.metrics import BLEU

    references, baseline, candidate = segments
    bleu = BLEU()
    test = significance.PairedTest(
        [("baseline", baseline), ("candidate", candidate)],
        {"BLEU": bleu},
        [references],
        test_type=kind,
        n_samples=100,
    )
    counts = bleu._extract_corpus_statistics(candidate, [references])
    bleu._extract_corpus_statistics = lambda hypotheses, references: counts
    run = getattr(significance, f"_paired_{kind}_test")
    return lambda: run(
        test._baseline_info, "candidate", candidate, [references], test.metrics, replicates, -1, 1
    )


@pytest.mark.benchmark(group="exchange test of BLEU, 2 000 segments, B = 10 000")
class TestBleuExchange:
    def test_sacrebleu(self, race, segments):
        race.peer(sacrebleu_test(segments, "ar", 1_000), scale=REPLICATES / 1_000)

    def test_ours(self, race, segments, tokenised):
        race.ours(lambda: randomisation_test(tokenised, *segments, replicates=REPLICATES), bar=20)


@pytest.mark.benchmark(group="bootstrap of BLEU, 2 000 segments, B = 10 000")
class TestBleuBootstrap:
    def test_sacrebleu(self, race, segments):
        race.peer(sacrebleu_test(segments, "bs", 1_000), scale=REPLICATES / 1_000)

    def test_ours(self, race, segments, tokenised):
        race.ours(lambda: bootstrap(tokenised, *segments, replicates=REPLICATES), bar=10)
