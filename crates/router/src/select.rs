//! Which of several healthy deployments.

use std::sync::Arc;

use lockgate_catalog::{Rate, Unit, Variant};
use rand::{Rng, rngs::SmallRng};

use crate::{Deployment, Health, Policy, Strategy};

/// Chooses one of `candidates`, which all may be used. `None` only if there are none.
pub(crate) fn choose(
    candidates: &[&Arc<Deployment>],
    policy: &Policy,
    health: &Health,
    rng: &mut SmallRng,
) -> Option<Arc<Deployment>> {
    if let [only] = candidates {
        return Some((*only).clone());
    }
    let best = match policy.strategy {
        Strategy::SimpleShuffle => return shuffle(candidates, rng),
        Strategy::LeastBusy => lowest(candidates, 0.0, |one| health.in_flight(one) as f64),
        // One that has never answered is tried first, so that it gets a latency.
        Strategy::Latency => {
            lowest(candidates, policy.latency_buffer, |one| health.latency(one).unwrap_or(0.0))
        }
        Strategy::Cost => lowest(candidates, 0.0, cost),
    };
    shuffle(&best, rng)
}

/// At random, by the first of `weight`, `rpm`, `tpm` that any candidate has, else evenly.
fn shuffle(candidates: &[&Arc<Deployment>], rng: &mut SmallRng) -> Option<Arc<Deployment>> {
    let metrics: [fn(&Deployment) -> Option<f64>; 3] =
        [|one| one.weight, |one| one.rpm.map(|rpm| rpm as f64), |one| one.tpm.map(|tpm| tpm as f64)];
    for metric in metrics {
        let share =
            |one: &Deployment| metric(one).filter(|share| share.is_finite() && *share > 0.0).unwrap_or(0.0);
        let sum: f64 = candidates.iter().map(|one| share(one)).sum();
        if sum <= 0.0 {
            continue;
        }
        let mut point = rng.random::<f64>() * sum;
        for candidate in candidates {
            let share = share(candidate);
            if share > 0.0 && point < share {
                return Some((*candidate).clone());
            }
            point -= share;
        }
    }
    if candidates.is_empty() {
        return None;
    }
    candidates.get(rng.random_range(0..candidates.len())).map(|one| (*one).clone())
}

/// Those whose figure is within `buffer` (a share) of the lowest.
fn lowest<'c>(
    candidates: &[&'c Arc<Deployment>],
    buffer: f64,
    figure: impl Fn(&Deployment) -> f64,
) -> Vec<&'c Arc<Deployment>> {
    let least = candidates.iter().map(|one| figure(one)).fold(f64::INFINITY, f64::min);
    let limit = least + least.abs() * buffer.max(0.0);
    candidates.iter().filter(|one| figure(one) <= limit).copied().collect()
}

/// Dollars for a token in and a token out; the unpriced are the dearest, since nobody knows.
fn cost(deployment: &Deployment) -> f64 {
    let Some(price) = &deployment.price else { return f64::INFINITY };
    let rates = price.rates_at(None);
    let of = |unit| rates.find(unit, 0, Variant::STANDARD).map(Rate::dollars);
    match (of(Unit::Input), of(Unit::Output)) {
        (None, None) => f64::INFINITY,
        (input, output) => input.unwrap_or(0.0) + output.unwrap_or(0.0),
    }
}
