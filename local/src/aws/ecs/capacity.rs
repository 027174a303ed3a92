//! Capacity provider strategies: which ones ECS refuses, and which provider a task of one gets.
//!
//! After `CapacityProviderStrategyItem` in the API reference. The texts are those of AWS, but for the one of a strategy that a
//! request has and that gives nobody a weight, which is like the one of a cluster's.

use serde_json::Value;

use super::{error::invalid_parameter, state::Cluster};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// What every account has. Other providers stand for instances, which are not here.
const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// Which providers get a request's tasks. There is always one.
#[derive(Debug)]
pub(super) struct Strategy<'a>(Vec<Item<'a>>);

#[derive(Debug)]
struct Item<'a> {
    provider: &'a str,
    /// Tasks that it gets before all others.
    base: u64,
    /// Its share of the other tasks.
    weight: u64,
}

/// The strategy of a request, or of its cluster; none for a launch type, and where nobody has one.
pub(super) fn chosen<'a>(input: Input<'a>, cluster: &'a Cluster) -> Result<Option<Strategy<'a>>, ServiceError> {
    if let Some(strategy) = given(input, cluster)? {
        return Ok(Some(strategy));
    }
    if input.text("launchType").is_some() {
        return Ok(None);
    }
    let Some(items) = items(cluster.settings.get("defaultCapacityProviderStrategy")) else { return Ok(None) };
    if items.iter().all(|item| item.weight == 0) {
        return Err(invalid_parameter(
            "There are no capacity providers with a weight value greater than zero defined in the default capacity \
             provider strategy. At least one capacity provider must have a weight value greater than zero specified. \
             Update the cluster's default capacity provider strategy or specify a valid capacity provider strategy and \
             try again.",
        ));
    }
    Ok(Some(Strategy(items)))
}

/// The strategy that a request itself has.
pub(super) fn given<'a>(input: Input<'a>, cluster: &Cluster) -> Result<Option<Strategy<'a>>, ServiceError> {
    let Some(items) = items(input.json("capacityProviderStrategy")) else { return Ok(None) };
    if input.text("launchType").is_some() {
        return Err(invalid_parameter(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    check(&items, cluster.settings.get("capacityProviders"))?;
    if items.iter().all(|item| item.weight == 0) {
        return Err(invalid_parameter(
            "There are no capacity providers with a weight value greater than zero defined in the specified capacity \
             provider strategy. At least one capacity provider must have a weight value greater than zero specified.",
        ));
    }
    Ok(Some(Strategy(items)))
}

/// Refuses providers that a cluster cannot have. Whether its strategy gives anybody a weight is seen when it is used.
pub(super) fn check_cluster(providers: Option<&Value>, strategy: Option<&Value>) -> Result<(), ServiceError> {
    if texts(providers).any(|provider| !PROVIDERS.contains(&provider)) {
        return Err(invalid_parameter("The specified capacity provider was not found."));
    }
    check(&items(strategy).unwrap_or_default(), providers)
}

fn check(items: &[Item<'_>], associated: Option<&Value>) -> Result<(), ServiceError> {
    if !items.iter().all(|item| texts(associated).any(|provider| provider == item.provider)) {
        return Err(invalid_parameter(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the \
             cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again.",
        ));
    }
    if items.iter().filter(|item| item.base > 0).count() > 1 {
        return Err(invalid_parameter(
            "There are multiple capacity providers in the specified capacity provider strategy with a base value defined.",
        ));
    }
    Ok(())
}

/// What is in a strategy; none of an empty one.
fn items(strategy: Option<&Value>) -> Option<Vec<Item<'_>>> {
    let items = strategy?.as_array().filter(|items| !items.is_empty())?;
    let number = |item: &Value, member: &str| item[member].as_u64().unwrap_or(0);
    let items = items.iter().map(|item| Item {
        provider: item["capacityProvider"].as_str().unwrap_or_default(),
        base: number(item, "base"),
        weight: number(item, "weight"),
    });
    Some(items.collect())
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

impl<'a> Strategy<'a> {
    /// The provider of the next task, where each has so many: first the base, then whoever is furthest below its share.
    pub(super) fn next(&self, count: impl Fn(&str) -> u64) -> Option<&'a str> {
        let of_base = self.0.iter().find(|item| count(item.provider) < item.base);
        let share = |item: &Item<'_>| count(item.provider).saturating_sub(item.base) + 1;
        let weighted = self.0.iter().filter(|item| item.weight > 0);
        let of_weight = weighted.min_by(|a, b| (share(a) * b.weight).cmp(&(share(b) * a.weight)));
        of_base.or(of_weight).map(|item| item.provider)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn placed(strategy: Value, tasks: usize) -> Vec<String> {
        let strategy = Strategy(items(Some(&strategy)).unwrap());
        let mut placed = Vec::new();
        for _ in 0..tasks {
            let count = |provider: &str| placed.iter().filter(|one| *one == provider).count() as u64;
            let next = strategy.next(count).unwrap().to_owned();
            placed.push(next);
        }
        placed
    }

    #[test]
    fn the_base_comes_first_and_then_the_shares() {
        let item = |provider: &str, base: u64, weight: u64| json!({"capacityProvider": provider, "base": base, "weight": weight});
        let count = |placed: &[String]| placed.iter().filter(|one| *one == "FARGATE").count();
        for (strategy, tasks, on_demand) in [
            (json!([item("FARGATE", 0, 1), item("FARGATE_SPOT", 0, 4)]), 10, 2),
            (json!([item("FARGATE", 0, 1), item("FARGATE_SPOT", 0, 1)]), 6, 3),
            (json!([item("FARGATE", 3, 0), item("FARGATE_SPOT", 0, 1)]), 10, 3),
            (json!([item("FARGATE", 2, 1), item("FARGATE_SPOT", 0, 3)]), 10, 4),
            (json!([item("FARGATE_SPOT", 0, 0), item("FARGATE", 0, 1)]), 3, 3),
        ] {
            assert_eq!(count(&placed(strategy.clone(), tasks)), on_demand, "{strategy}");
        }
        let first = placed(json!([item("FARGATE", 1, 0), item("FARGATE_SPOT", 0, 1)]), 2);
        assert_eq!(first, ["FARGATE", "FARGATE_SPOT"]);
    }
}
