use serde_json::{Value, json};

use super::{NOW, REGION, call, definition, ready, refusal, request, tick};
use crate::aws::ecs::Ecs;
use crate::template::{EcsResource, EcsResources};

fn item(provider: &str, base: u64, weight: u64) -> Value {
    json!({"capacityProvider": provider, "base": base, "weight": weight})
}

/// With a cluster `live` that has both of Fargate's providers.
fn with_providers(default_strategy: Value) -> Ecs {
    let ecs = ready();
    let providers = json!(["FARGATE", "FARGATE_SPOT"]);
    let cluster = json!({
        "clusterName": "live", "capacityProviders": providers, "defaultCapacityProviderStrategy": default_strategy,
    });
    call(&ecs, "CreateCluster", cluster);
    ecs
}

fn input(operation: &str, cluster: &str, strategy: Value) -> Value {
    let changes = json!({"launchType": null, "cluster": cluster, "capacityProviderStrategy": strategy});
    let mut input = request(changes);
    if operation == "CreateService" {
        input["serviceName"] = json!("web");
    }
    input
}

fn providers(tasks: &Value) -> Vec<&str> {
    let tasks = tasks.as_array().unwrap().iter();
    tasks.map(|task| task["capacityProviderName"].as_str().unwrap_or("none")).collect()
}

/// The providers of the cluster's tasks, in alphabetic order.
fn of_running(ecs: &Ecs) -> Vec<String> {
    let arns = call(ecs, "ListTasks", json!({"cluster": "live"}))["taskArns"].clone();
    let tasks = call(ecs, "DescribeTasks", json!({"cluster": "live", "tasks": arns}))["tasks"].clone();
    let mut providers: Vec<_> = providers(&tasks).into_iter().map(str::to_owned).collect();
    providers.sort_unstable();
    providers
}

#[test]
fn every_provider_of_a_strategy_is_looked_at() {
    let ecs = with_providers(json!([]));
    let not_associated =
        "The specified capacity provider strategy cannot contain a capacity provider that is not associated";
    let no_weight = "There are no capacity providers with a weight value greater than zero defined in the specified";
    let two_bases =
        "There are multiple capacity providers in the specified capacity provider strategy with a base value";
    for (cluster, strategy, message) in [
        ("live", json!([item("FARGATE", 0, 1), item("nobody", 0, 1)]), not_associated),
        ("default", json!([item("FARGATE", 0, 1)]), not_associated),
        ("live", json!([item("FARGATE", 0, 0), item("FARGATE_SPOT", 1, 0)]), no_weight),
        ("live", json!([{"capacityProvider": "FARGATE"}]), no_weight),
        ("live", json!([item("FARGATE", 1, 1), item("FARGATE_SPOT", 1, 1)]), two_bases),
    ] {
        for operation in ["RunTask", "CreateService"] {
            let (code, said) = refusal(&ecs, operation, input(operation, cluster, strategy.clone()));
            assert!(code == "InvalidParameterException" && said.starts_with(message), "{operation} {strategy}: {said}");
        }
    }
    assert_eq!(call(&ecs, "ListTasks", json!({"cluster": "live"}))["taskArns"], json!([]));
}

#[test]
fn a_cluster_has_no_other_providers_than_those_of_fargate_and_no_strategy_of_others_than_its_own() {
    let ecs = ready();
    for (providers, strategy, message) in [
        (json!(["FARGATE", "mine"]), json!([]), "The specified capacity provider was not found."),
        (
            json!(["FARGATE"]),
            json!([item("FARGATE_SPOT", 0, 1)]),
            "The specified capacity provider strategy cannot contain",
        ),
        (
            json!(["FARGATE", "FARGATE_SPOT"]),
            json!([item("FARGATE", 1, 1), item("FARGATE_SPOT", 1, 1)]),
            "There are multiple capacity providers",
        ),
    ] {
        let cluster = json!({
            "clusterName": "new", "capacityProviders": providers, "defaultCapacityProviderStrategy": strategy,
        });
        let (code, said) = refusal(&ecs, "CreateCluster", cluster);
        assert!(code == "InvalidParameterException" && said.starts_with(message), "{said}");
    }
}

#[test]
fn a_default_strategy_without_a_weight_is_refused_when_it_is_used() {
    let ecs = with_providers(json!([item("FARGATE", 1, 0)]));
    for operation in ["RunTask", "CreateService"] {
        let (code, said) = refusal(&ecs, operation, input(operation, "live", json!(null)));
        let message = "There are no capacity providers with a weight value greater than zero defined in the default";
        assert!(code == "InvalidParameterException" && said.starts_with(message), "{said}");
    }
    let mut by_launch_type = input("RunTask", "live", json!(null));
    by_launch_type["launchType"] = json!("FARGATE");
    call(&ecs, "RunTask", by_launch_type);
}

#[test]
fn the_tasks_of_a_request_are_shared_out_by_base_and_weight() {
    let ecs = with_providers(json!([]));
    let strategy = json!([item("FARGATE", 2, 1), item("FARGATE_SPOT", 0, 3)]);
    let mut request = input("RunTask", "live", strategy);
    request["count"] = json!(10);
    let started = call(&ecs, "RunTask", request)["tasks"].clone();
    let on_demand = providers(&started).into_iter().filter(|provider| *provider == "FARGATE").count();
    assert_eq!((on_demand, &providers(&started)[..2]), (4, &["FARGATE", "FARGATE"][..]));
}

#[test]
fn the_base_of_a_service_is_that_of_all_its_tasks() {
    let ecs = with_providers(json!([]));
    let strategy = json!([item("FARGATE", 1, 0), item("FARGATE_SPOT", 0, 1)]);
    let mut service = input("CreateService", "live", strategy);
    service["desiredCount"] = json!(1);
    call(&ecs, "CreateService", service);
    tick(&ecs, 4);
    assert_eq!(of_running(&ecs), ["FARGATE"]);
    call(&ecs, "UpdateService", json!({"cluster": "live", "service": "web", "desiredCount": 3}));
    tick(&ecs, 4);
    assert_eq!(of_running(&ecs), ["FARGATE", "FARGATE_SPOT", "FARGATE_SPOT"]);
}

#[test]
fn a_service_goes_from_its_launch_type_to_a_strategy_and_back() {
    let ecs = with_providers(json!([]));
    let mut service = input("CreateService", "live", json!(null));
    (service["launchType"], service["desiredCount"]) = (json!("FARGATE"), json!(1));
    call(&ecs, "CreateService", service);
    let update = |strategy: Value| json!({"cluster": "live", "service": "web", "capacityProviderStrategy": strategy});
    let refused = refusal(&ecs, "UpdateService", update(json!([item("FARGATE", 0, 0)])));
    assert_eq!(refused.0, "InvalidParameterException");
    for (strategy, provider, launch_type) in
        [(json!([item("FARGATE_SPOT", 0, 1)]), "FARGATE_SPOT", json!(null)), (json!([]), "none", json!("FARGATE"))]
    {
        let updated = call(&ecs, "UpdateService", update(strategy))["service"].clone();
        assert_eq!(updated["launchType"], launch_type);
        tick(&ecs, 12);
        assert_eq!(of_running(&ecs), [provider]);
    }
}

#[test]
fn a_cluster_gets_the_providers_that_its_template_has_now() {
    let ecs = Ecs::open(REGION, None).unwrap();
    let resources = |cluster: Value| EcsResources {
        clusters: vec![EcsResource { id: "Cluster".to_owned(), input: cluster }],
        ..EcsResources::default()
    };
    ecs.declare(&resources(json!({"clusterName": "live"})), NOW).unwrap();
    call(&ecs, "RegisterTaskDefinition", definition());
    let strategy = json!([item("FARGATE_SPOT", 0, 1)]);
    assert_eq!(refusal(&ecs, "RunTask", input("RunTask", "live", strategy.clone())).0, "InvalidParameterException");
    ecs.declare(&resources(json!({"clusterName": "live", "capacityProviders": ["FARGATE_SPOT"]})), NOW).unwrap();
    call(&ecs, "RunTask", input("RunTask", "live", strategy));
}
