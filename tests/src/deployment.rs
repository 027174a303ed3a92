//! The deployment that the tests run on, settled in one place.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

/// Names a file such as `tests/another-deployment.json`, and all tests run on that deployment.
const VARIABLE: &str = "GREENROOM_TEST_DEPLOYMENT";

/// How template.yaml is deployed.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// What `AWS::StackName` is.
    pub stack_name: String,
    /// What `AWS::Region` is.
    pub region: String,
    /// Parameters in place of the template's defaults.
    pub parameters: BTreeMap<String, String>,
}

impl Deployment {
    /// The one of this run: by README's own commands, unless the environment names another.
    ///
    /// # Panics
    /// When the file that the environment names is not there, or is none.
    pub fn of_this_run() -> &'static Self {
        static DEPLOYMENT: OnceLock<Deployment> = OnceLock::new();
        DEPLOYMENT.get_or_init(|| match env::var_os(VARIABLE) {
            Some(file) => Self::read(&PathBuf::from(file)),
            None => Self::by_default(),
        })
    }

    /// The one of README's own commands.
    pub fn by_default() -> Self {
        Self { stack_name: "greenroom".to_owned(), region: "us-east-1".to_owned(), parameters: BTreeMap::new() }
    }

    /// Reads `{"stackName": "...", "region": "...", "parameters": {"...": "..."}}`.
    ///
    /// # Panics
    /// When the file is not there, or is something else.
    pub fn read(file: &PathBuf) -> Self {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let read: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let text = |value: &Value| value.as_str().map(str::to_owned).expect("every value is a text");
        let parameters = read["parameters"].as_object().expect("`parameters` is an object");
        Self {
            stack_name: text(&read["stackName"]),
            region: text(&read["region"]),
            parameters: parameters.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        }
    }
}
