//! Names that are claimed, created and deleted exactly once, whatever they name: the [table](NameTable) of one row a
//! name, the operations over it, what completes them when they are cut short ([`recover()`]), and the [`sweep()`] that
//! finds what nobody asks for again.
//!
//! What to do by which row is decided in [`model::claim`], [`model::recovery`] and [`model::sweep`]. A resource brings
//! how its rows are written ([`Schema`]) and how AWS creates, lists and deletes it ([`Provider`]).

mod counter;
mod listing;
mod operations;
mod provider;
mod recovering;
mod recovery;
mod sweep;
mod table;

pub use operations::{create_or_fetch, delete, fetch, finish_delete};
pub use provider::{Dependents, Inventory, ListedPage, Provider};
pub use recovering::Recovering;
pub use recovery::{Recovery, recover};
pub use sweep::{SweepOutcome, SweepRun, Sweeping, sweep};
pub use table::{NameTable, Schema, read_row};
