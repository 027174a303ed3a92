//! The parameters of a request in EC2's query protocol: `NetworkInterfaceId.2`, `Filter.1.Value.3`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Parameters by name, the prefix of an enclosing structure left out.
pub(super) struct Parameters<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Parameters<'a> {
    /// The fields of the form.
    pub(super) fn of(input: &'a Value) -> Self {
        let fields = input.as_object().into_iter().flat_map(Map::iter);
        Self(fields.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect())
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    /// The texts `name.1`, `name.2` and so on, in this order. The numbers may have gaps.
    pub(super) fn list(&self, name: &str) -> Vec<&'a str> {
        let texts = self.numbered(name).filter(|(_, member, _)| member.is_empty());
        let texts: BTreeMap<_, _> = texts.map(|(number, _, value)| (number, value)).collect();
        texts.into_values().collect()
    }

    /// The structures `name.1.<member>`, `name.2.<member>` and so on, in this order.
    pub(super) fn structures(&self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        let mut structures: BTreeMap<usize, BTreeMap<&str, &str>> = BTreeMap::new();
        for (number, member, value) in self.numbered(name).filter(|(_, member, _)| !member.is_empty()) {
            structures.entry(number).or_default().insert(member, value);
        }
        structures.into_values().map(Self)
    }

    /// Number, member (empty for a text) and value of every `name.<number>[.<member>]`.
    fn numbered(&self, name: &str) -> impl Iterator<Item = (usize, &'a str, &'a str)> {
        self.0.iter().filter_map(move |(key, value)| {
            let rest = key.strip_prefix(name)?.strip_prefix('.')?;
            let (number, member) = rest.split_once('.').unwrap_or((rest, ""));
            Some((number.parse().ok()?, member, *value))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let input = json!({"Id.10": "c", "Id.2": "b", "Id.1": "a", "Identity.1": "x", "Id": "y", "Id.one": "z"});
        assert_eq!(Parameters::of(&input).list("Id"), ["a", "b", "c"]);
    }

    #[test]
    fn structures_keep_their_members_together() {
        let input =
            json!({"Filter.2.Name": "b", "Filter.1.Name": "a", "Filter.1.Value.1": "x", "Filter.1.Value.2": "y"});
        let filters: Vec<_> = Parameters::of(&input).structures("Filter").collect();
        let values: Vec<_> = filters.iter().map(|one| (one.text("Name"), one.list("Value"))).collect();
        assert_eq!(values, [(Some("a"), vec!["x", "y"]), (Some("b"), vec![])]);
    }
}
