//! The routes of this function, from template.yaml.

fn main() -> Result<(), String> {
    routes::generate()
}
