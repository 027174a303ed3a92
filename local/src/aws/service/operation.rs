//! A table of a service's operations.

use super::shape::Member;

/// One operation of a service: its name, the constraints on its input, and what it does.
pub(crate) struct Operation<R: 'static> {
    pub(crate) name: &'static str,
    pub(crate) input: &'static [Member],
    pub(crate) run: R,
}

impl<R> Operation<R> {
    /// The names of a table.
    pub(crate) fn names(table: &'static [Self]) -> impl Iterator<Item = &'static str> {
        table.iter().map(|operation| operation.name)
    }

    /// The operation of that name, if the table has it.
    pub(crate) fn named(table: &'static [Self], name: &str) -> Option<&'static Self> {
        table.iter().find(|operation| operation.name == name)
    }
}
