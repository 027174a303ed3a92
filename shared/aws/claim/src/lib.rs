//! Names that are claimed, created and deleted exactly once, whatever they name: the [table](NameTable) of one row a
//! name, the operations over it, and the [`sweep()`] that ends what they left halfway.
//!
//! What to do by which row is decided in [`model::claim`] and [`model::sweep`]. A resource brings how its rows are
//! written ([`Schema`]) and how AWS creates, finds and deletes it ([`Provider`]).

mod operations;
mod provider;
mod sweep;
mod table;

pub use operations::{create_or_fetch, delete, fetch};
pub use provider::Provider;
pub use sweep::sweep;
pub use table::{NameTable, Schema, read_row, refused_update};
