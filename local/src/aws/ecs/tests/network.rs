use serde_json::{Value, json};

use super::{Ecs, call, describe, id, ready, request, run, tick};

fn attachment(ecs: &Ecs, id: &str) -> Value {
    describe(ecs, id)["attachments"][0].clone()
}

fn detail<'a>(attachment: &'a Value, name: &str) -> Option<&'a str> {
    let details = attachment["details"].as_array().unwrap();
    details.iter().find(|detail| detail["name"] == name).and_then(|detail| detail["value"].as_str())
}

fn has_public_ip(ecs: &Ecs) -> bool {
    ecs.network_interfaces().iter().any(|interface| interface.public_ip.is_some())
}

#[test]
fn the_interface_is_there_from_provisioning_to_deprovisioning() {
    let ecs = ready();
    let id = run(&ecs);
    let before = attachment(&ecs, &id);
    assert_eq!((&before["status"], detail(&before, "subnetId")), (&json!("PRECREATED"), Some("subnet-1")));
    assert_eq!(detail(&before, "networkInterfaceId"), None);
    assert!(ecs.network_interfaces().is_empty());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        tick(&ecs, 1);
        statuses.push(attachment(&ecs, &id)["status"].clone());
    }
    assert_eq!(statuses, ["ATTACHING", "ATTACHED", "ATTACHED"]);
    let attached = attachment(&ecs, &id);
    let interfaces = ecs.network_interfaces();
    assert_eq!(detail(&attached, "networkInterfaceId"), Some(interfaces[0].id.as_str()));
    assert_eq!(detail(&attached, "privateIPv4Address"), Some(interfaces[0].private_ip.to_string().as_str()));
    assert_eq!(interfaces[0].security_groups, ["sg-1"]);
    call(&ecs, "StopTask", json!({"task": id}));
    tick(&ecs, 1);
    assert_eq!(attachment(&ecs, &id)["status"], "DETACHING");
    assert!(!ecs.network_interfaces()[0].is_attached && !has_public_ip(&ecs));
    tick(&ecs, 1);
    assert_eq!(attachment(&ecs, &id)["status"], "DELETED");
    assert!(ecs.network_interfaces().is_empty());
}

#[test]
fn the_public_address_can_be_late() {
    let ecs = ready();
    let id = run(&ecs);
    ecs.set_public_ip(&id, false).unwrap();
    tick(&ecs, 3);
    let version = describe(&ecs, &id)["version"].clone();
    assert!(!has_public_ip(&ecs));
    ecs.set_public_ip(&id, true).unwrap();
    assert!(has_public_ip(&ecs));
    assert_eq!(describe(&ecs, &id)["version"], version);
    assert_eq!(ecs.set_public_ip("demo", true).unwrap_err().status, 404);
}

#[test]
fn without_assign_public_ip_there_is_none() {
    let ecs = ready();
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let answer = call(&ecs, "RunTask", request(json!({"networkConfiguration": network})));
    tick(&ecs, 3);
    assert_eq!(describe(&ecs, &id(&answer["tasks"][0]))["lastStatus"], "RUNNING");
    assert!(!has_public_ip(&ecs));
}
