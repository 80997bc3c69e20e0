//! Metric handles, resolved once for each series.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

use lockgate_router::Deployment;
use lockgate_telemetry::{DeploymentLabels, DeploymentMetrics, Metrics, SurfaceMetrics};

/// The handles of one configuration. Labels come from the configuration alone: a call whose model is unknown counts
/// under no name, and all models behind a wildcard count under its provider, so that clients cannot make up series.
#[derive(Default)]
pub(crate) struct Handles {
    deployments: RwLock<HashMap<Arc<str>, DeploymentMetrics>>,
    surfaces: RwLock<HashMap<(&'static str, Arc<str>), SurfaceMetrics>>,
}

impl Handles {
    pub(crate) fn deployment(&self, metrics: &Metrics, deployment: &Deployment) -> DeploymentMetrics {
        let provider = &deployment.target.provider.id;
        let key = if deployment.wildcard { provider } else { &deployment.id };
        resolve(&self.deployments, key, || {
            let any = format!("{provider}/*");
            metrics.deployment(&DeploymentLabels {
                model_group: if deployment.wildcard { &any } else { &deployment.group },
                model: if deployment.wildcard { "*" } else { &deployment.target.model },
                model_id: if deployment.wildcard { "" } else { &deployment.id },
                api_base: &deployment.target.base,
                provider,
            })
        })
    }

    pub(crate) fn surface(&self, metrics: &Metrics, route: &'static str, group: &Arc<str>) -> SurfaceMetrics {
        resolve(&self.surfaces, &(route, group.clone()), || metrics.surface(route, group))
    }
}

fn resolve<K: Hash + Eq + Clone, V: Clone>(
    map: &RwLock<HashMap<K, V>>,
    key: &K,
    make: impl FnOnce() -> V,
) -> V {
    if let Some(found) = map.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return found.clone();
    }
    map.write().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_insert_with(make).clone()
}
