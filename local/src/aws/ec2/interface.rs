//! A network interface as EC2 describes it.

use std::net::Ipv4Addr;

use crate::aws::service::ACCOUNT;
use crate::aws::service::reply::xml_escape;

/// The interface of a task: requested by ECS, in a subnet of the account.
pub(crate) struct NetworkInterface {
    pub(crate) id: String,
    /// The ARN of its attachment, as ECS writes it there.
    pub(crate) description: String,
    pub(crate) mac_address: String,
    pub(crate) private_ip: Ipv4Addr,
    pub(crate) private_dns_name: String,
    /// None while no address is associated.
    pub(crate) public_ip: Option<Ipv4Addr>,
    pub(crate) public_dns_name: String,
    pub(crate) subnet: String,
    pub(crate) security_groups: Vec<String>,
    pub(crate) availability_zone: String,
    pub(crate) is_attached: bool,
}

impl NetworkInterface {
    pub(super) fn status(&self) -> &'static str {
        if self.is_attached { "in-use" } else { "available" }
    }

    /// The `item` of the answer.
    pub(super) fn to_xml(&self) -> String {
        let groups: String = self.security_groups.iter().map(|group| element("item", &group_xml(group))).collect();
        let association = self.association();
        let address = [
            element("privateIpAddress", &self.private_ip.to_string()),
            element("privateDnsName", &self.private_dns_name),
            element("primary", "true"),
            association.clone(),
        ];
        let members = [
            element("networkInterfaceId", &self.id),
            element("subnetId", &xml_escape(&self.subnet)),
            element("availabilityZone", &self.availability_zone),
            element("description", &xml_escape(&self.description)),
            element("ownerId", ACCOUNT),
            element("requesterManaged", "true"),
            element("status", self.status()),
            element("macAddress", &self.mac_address),
            element("privateIpAddress", &self.private_ip.to_string()),
            element("privateDnsName", &self.private_dns_name),
            element("sourceDestCheck", "true"),
            element("groupSet", &groups),
            association,
            element("tagSet", ""),
            element("privateIpAddressesSet", &element("item", &address.concat())),
            element("interfaceType", "interface"),
        ];
        element("item", &members.concat())
    }

    fn association(&self) -> String {
        let association = |address: Ipv4Addr| {
            let members = [
                element("publicIp", &address.to_string()),
                element("publicDnsName", &self.public_dns_name),
                element("ipOwnerId", "amazon"),
            ];
            element("association", &members.concat())
        };
        self.public_ip.map(association).unwrap_or_default()
    }
}

/// Groups have no names here.
fn group_xml(id: &str) -> String {
    let id = xml_escape(id);
    [element("groupId", &id), element("groupName", &id)].concat()
}

/// `content` is XML already.
fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}
