//! ECS tasks that are transwrap servers: what an event says of one, where EC2 has its address, and how the table
//! follows.

mod ec2;
mod event;
mod operations;

pub use ec2::Ec2;
pub use event::{INTERFACE_ID, NotATask, TaskEvent, is_interface, task_id};
pub use operations::{Tracked, track};
