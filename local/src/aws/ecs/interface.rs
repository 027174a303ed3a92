//! The elastic network interface of a task in `awsvpc` mode.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{arn, status::Status};
use crate::aws::ec2::NetworkInterface;
use crate::plumbing::ids;

/// 10.0.0.0/8. AWS keeps the first four addresses of a subnet.
const PRIVATE_ADDRESSES: (u32, u32) = (0x0a00_0004, 1 << 23);
/// 198.18.0.0/15 is set aside for benchmarks (RFC 2544), so that nobody's server is reached by accident.
const PUBLIC_ADDRESSES: (u32, u32) = (0xc612_0001, (1 << 17) - 2);

/// What is known of it before it is made, too.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Interface {
    /// Of its attachment to the task.
    pub(super) attachment_id: String,
    id: String,
    mac_address: String,
    private_ip: Ipv4Addr,
    public_ip: Ipv4Addr,
    subnet: String,
    security_groups: Vec<String>,
    pub(super) availability_zone: String,
    /// `assignPublicIp` is `ENABLED`.
    assign_public_ip: bool,
    /// The public address is not associated yet, although the interface has been made.
    #[serde(alias = "withheld")]
    pub(super) is_association_pending: bool,
    /// It has been made.
    pub(super) is_made: bool,
}

impl Interface {
    /// The `number`th interface of the account. `is_here`: its task is reached on this machine.
    pub(super) fn new(
        region: &str,
        number: u32,
        subnet: &str,
        security_groups: Vec<String>,
        assign_public_ip: bool,
        is_here: bool,
    ) -> Self {
        let address = |(first, count): (u32, u32)| Ipv4Addr::from(first + number % count);
        let mac = ids::bytes::<5>().map(|byte| format!("{byte:02x}")).join(":");
        // A subnet is in one zone, always the same.
        let zone = ["a", "b", "c"][subnet.bytes().map(usize::from).sum::<usize>() % 3];
        Self {
            attachment_id: ids::uuid(),
            id: format!("eni-{}", ids::hex(17)),
            mac_address: format!("0e:{mac}"),
            private_ip: address(PRIVATE_ADDRESSES),
            public_ip: if is_here { Ipv4Addr::LOCALHOST } else { address(PUBLIC_ADDRESSES) },
            subnet: subnet.to_owned(),
            security_groups,
            availability_zone: format!("{region}{zone}"),
            assign_public_ip,
            is_association_pending: false,
            is_made: false,
        }
    }

    /// The attachment as a task's description has it. `kind` is what the type is called there.
    pub(super) fn attachment(&self, kind: &str, status: Status, region: &str) -> Value {
        let mut details = vec![json!({"name": "subnetId", "value": self.subnet})];
        if self.is_made {
            let made = [
                ("networkInterfaceId", self.id.clone()),
                ("macAddress", self.mac_address.clone()),
                ("privateDnsName", private_dns_name(self.private_ip, region)),
                ("privateIPv4Address", self.private_ip.to_string()),
            ];
            details.extend(made.map(|(name, value)| json!({"name": name, "value": value})));
        }
        json!({"id": self.attachment_id, "type": kind, "status": self.attachment_status(status), "details": details})
    }

    fn attachment_status(&self, status: Status) -> &'static str {
        match status {
            Status::Stopped => "DELETED",
            _ if !self.is_made => "PRECREATED",
            Status::Provisioning | Status::Pending => "ATTACHING",
            Status::Deprovisioning => "DETACHING",
            Status::Activating | Status::Running | Status::Deactivating | Status::Stopping => "ATTACHED",
        }
    }

    /// As a container's description has it; none before it is made.
    pub(super) fn of_container(&self) -> Option<Value> {
        let address = self.private_ip.to_string();
        self.is_made.then(|| json!({"attachmentId": self.attachment_id, "privateIpv4Address": address}))
    }

    /// As the agent tells a container.
    pub(super) fn networks(&self, region: &str) -> Value {
        json!([{
            "NetworkMode": "awsvpc",
            "IPv4Addresses": [self.private_ip],
            "AttachmentIndex": 0,
            "MACAddress": self.mac_address,
            "PrivateDNSName": private_dns_name(self.private_ip, region),
        }])
    }

    /// The interface as EC2 knows it: from the end of PROVISIONING to the end of DEPROVISIONING.
    pub(super) fn network_interface(&self, status: Status, region: &str) -> Option<NetworkInterface> {
        if !self.is_made || status == Status::Stopped {
            return None;
        }
        let is_attached = status < Status::Deprovisioning;
        let has_public_ip = is_attached && self.assign_public_ip && !self.is_association_pending;
        Some(NetworkInterface {
            id: self.id.clone(),
            description: arn::attachment(region, &self.attachment_id),
            mac_address: self.mac_address.clone(),
            private_ip: self.private_ip,
            private_dns_name: private_dns_name(self.private_ip, region),
            public_ip: has_public_ip.then_some(self.public_ip),
            public_dns_name: public_dns_name(self.public_ip, region),
            subnet: self.subnet.clone(),
            security_groups: self.security_groups.clone(),
            availability_zone: self.availability_zone.clone(),
            is_attached,
        })
    }
}

/// us-east-1 came first and has names without a region.
fn private_dns_name(address: Ipv4Addr, region: &str) -> String {
    let domain = if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") };
    format!("ip-{}.{domain}", dashed(address))
}

fn public_dns_name(address: Ipv4Addr, region: &str) -> String {
    let domain = if region == "us-east-1" { "compute-1".to_owned() } else { format!("{region}.compute") };
    format!("ec2-{}.{domain}.amazonaws.com", dashed(address))
}

fn dashed(address: Ipv4Addr) -> String {
    address.to_string().replace('.', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_has_addresses_of_its_own() {
        let interface = |number| Interface::new("r", number, "subnet-1", Vec::new(), true, false);
        let (first, next) = (interface(0), interface(1));
        assert_eq!((first.private_ip, first.public_ip), ([10, 0, 0, 4].into(), [198, 18, 0, 1].into()));
        assert_eq!((next.private_ip, next.public_ip), ([10, 0, 0, 5].into(), [198, 18, 0, 2].into()));
        assert_ne!((first.id, first.mac_address), (next.id, next.mac_address));
        assert_eq!(interface((1 << 17) - 3).public_ip, Ipv4Addr::from([198, 19, 255, 254]));
    }

    #[test]
    fn names_follow_the_region() {
        let address = Ipv4Addr::from([10, 0, 1, 163]);
        assert_eq!(private_dns_name(address, "us-east-1"), "ip-10-0-1-163.ec2.internal");
        assert_eq!(private_dns_name(address, "eu-west-1"), "ip-10-0-1-163.eu-west-1.compute.internal");
        assert_eq!(public_dns_name(address, "us-east-1"), "ec2-10-0-1-163.compute-1.amazonaws.com");
        assert_eq!(public_dns_name(address, "eu-west-1"), "ec2-10-0-1-163.eu-west-1.compute.amazonaws.com");
    }
}
