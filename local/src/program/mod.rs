//! The program: its options, its log, the build of the functions, and the whole put together.

pub(crate) mod arguments;
pub(crate) mod build;
pub(crate) mod cloud;
pub(crate) mod data_dir;
mod front;
mod html;
mod listeners;
pub(crate) mod log;
pub(crate) mod options;
pub(crate) mod overview;
pub(crate) mod pages;
pub(crate) mod request_log;
pub(crate) mod side_door;
pub(crate) mod users;
