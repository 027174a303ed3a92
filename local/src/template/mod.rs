//! template.yaml (AWS SAM) as the local cloud understands it.
//!
//! What the template declares works locally as far as this module reads it; what it declares and the local cloud
//! cannot do is an error that says where, so that nothing is silently different. Resource types that do no harm by
//! their absence (log groups, alarms, dashboards, user pools) are accepted and left alone; [`kinds`] lists them.

mod api;
mod custom_resource;
mod dead_letter;
mod delivery;
mod ecs;
mod error;
mod event_source;
mod function;
mod generated;
mod intrinsics;
mod kinds;
mod local_cloud;
mod mapping;
mod node;
mod parameters;
mod permission;
mod policy;
mod queue;
mod queue_policy;
mod resources;
mod rules;
mod schedule;
mod table;
mod task_role;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};

pub(crate) use self::api::{Api, Cors, HttpRoute, JwtAuthorizer, Throttle};
pub(crate) use self::custom_resource::CustomResource;
pub(crate) use self::ecs::{EcsResource, EcsResources};
pub use self::error::TemplateError;
pub(crate) use self::event_source::EventSource;
pub(crate) use self::function::{Function, Rule};
pub(crate) use self::intrinsics::SecretArn;
pub use self::mapping::Mapping;
pub(crate) use self::policy::{Condition, ConditionKey, Effect, Operator, Statement};
pub(crate) use self::queue::Queue;
#[cfg(test)]
pub(crate) use self::queue::{Fifo, Redrive};
pub(crate) use self::schedule::{Expression, Schedule, ScheduleService};
pub(crate) use self::table::Table;

use self::error::Result;
use self::intrinsics::Scope;
use self::node::Node;
use self::permission::Permission;
use self::queue_policy::QueuePolicy;
use self::resources::Stack;

/// A template, its parameters resolved and its functions evaluated.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) api: Api,
    pub(crate) functions: Vec<Function>,
    pub(crate) tables: Vec<Table>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) custom_resources: Vec<CustomResource>,
    pub(crate) ecs: EcsResources,
    /// What the tasks of a role may do, by the role's ARN.
    pub(crate) task_roles: BTreeMap<String, Vec<Statement>>,
    /// Programs that the containers' images hold.
    pub(crate) programs: Vec<String>,
    parameters: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

/// A secret without its value.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) description: String,
}

/// One route of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// A method or `ANY`; empty for the `$default` route.
    pub method: String,
    /// Such as `/stages/{stage}`; empty for the `$default` route.
    pub path: String,
    /// Whether the route asks for a token.
    pub authorized: bool,
    /// Logical id of the function behind it.
    pub function: String,
}

impl Template {
    /// Reads a template. `queues_url` is the endpoint of SQS; `secret_arn` is asked for the ARN of each
    /// secret that something refers to.
    ///
    /// # Errors
    /// A syntax error with its line and column, a mistake, or something that the local cloud does not support.
    pub(crate) fn load(
        text: &str,
        stack_name: &str,
        region: &str,
        queues_url: &str,
        overrides: &BTreeMap<String, String>,
        secret_arn: SecretArn<'_>,
    ) -> Result<Self> {
        let mut source = yaml::parse(text)?;
        check_sections(&source)?;
        let mut generated = generated::resources(&source)?;
        let generated_ids = generated.keys().cloned().collect();
        if let Some(resources) = source.get_mut("Resources").and_then(Value::as_object_mut) {
            resources.append(&mut generated);
        }
        let parameters = parameters::resolve(&source, overrides)?;
        let scope = Scope::new(&source, parameters, stack_name, region, queues_url, secret_arn);
        rules::check(&scope)?;
        Loader { scope, generated_ids }.load()
    }

    /// The values that the template has for the local cloud in place of its parameters' defaults, by name.
    ///
    /// # Errors
    /// A syntax error with its line and column, or a mistake.
    pub(crate) fn local_parameters(text: &str) -> Result<BTreeMap<String, String>> {
        Ok(local_cloud::read(&yaml::parse(text)?)?.parameters)
    }

    /// Checks that the code of every function is where the template says, seen from the template's directory.
    pub(crate) fn check_code(&self, directory: &Path) -> Result<()> {
        let missing = self.functions.iter().find(|function| !directory.join(&function.code_uri).is_dir());
        let Some(Function { id, code_uri, .. }) = missing else { return Ok(()) };
        let what = format!("there is no directory `{code_uri}` beside the template");
        Err(TemplateError::new(format!("{}.CodeUri", properties_at(id)), what))
    }

    /// The routes of the API, by function and event name.
    pub fn routes(&self) -> Vec<Route> {
        let route = |route: &HttpRoute| Route {
            method: route.method.clone(),
            path: route.path.clone(),
            authorized: route.authorizer.is_some(),
            function: route.function.clone(),
        };
        self.api.routes.iter().map(route).collect()
    }

    /// The functions by logical id, each with its Cargo package.
    pub fn functions(&self) -> BTreeMap<String, String> {
        self.functions.iter().map(|function| (function.id.clone(), function.package.clone())).collect()
    }

    /// The Cargo package of every function, and the binary of it that is deployed.
    pub fn binaries(&self) -> Vec<(String, String)> {
        self.functions.iter().map(|function| (function.package.clone(), function.binary.clone())).collect()
    }

    /// The queues whose messages a function gets, with the numbers of both.
    pub fn mappings(&self) -> Vec<Mapping> {
        mapping::mappings(&self.functions, &self.queues)
    }

    /// The images of the containers that the template declares, each with its name: the last component of its path, without
    /// tag and digest.
    pub fn images(&self) -> BTreeMap<String, String> {
        self.ecs.images().map(|image| (image.to_owned(), ecs::image_name(image).to_owned())).collect()
    }

    /// The value of every parameter; of a list, with commas between its elements.
    pub fn parameters(&self) -> &BTreeMap<String, String> {
        &self.parameters
    }

    /// The stack's outputs.
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }
}

/// Refuses sections that would change what the rest means.
fn check_sections(source: &Value) -> Result<()> {
    const SECTIONS: [&str; 11] = [
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Globals",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    ];
    let root = Node::new(source, "");
    root.only("a template", &SECTIONS)?;
    const TRANSFORM: &str = "AWS::Serverless-2016-10-31";
    let transforms = source.get("Transform").map(|transforms| Node::new(transforms, "Transform").elements());
    match transforms.as_deref() {
        Some([only]) if only.value == TRANSFORM => {}
        _ => return Err(TemplateError::unsupported("Transform", format!("other transforms than {TRANSFORM}"))),
    }
    let empty = json!({});
    Node::new(source.get("Globals").unwrap_or(&empty), "Globals").only("Globals", &["Function", "HttpApi"])
}

struct Loader<'a> {
    scope: Scope<'a>,
    /// Logical ids of the resources that SAM makes.
    generated_ids: BTreeSet<String>,
}

impl Loader<'_> {
    fn load(&self) -> Result<Template> {
        let resources = self.resources()?;
        let ecs = ecs::read(&self.scope, &resources)?;
        let mut template = Template {
            api: self.api(&resources)?,
            task_roles: task_role::read(&self.scope, &resources, &ecs.task_definitions)?,
            ecs,
            programs: local_cloud::read(self.scope.template)?.programs,
            functions: Vec::new(),
            tables: Vec::new(),
            queues: Vec::new(),
            secrets: Vec::new(),
            custom_resources: Vec::new(),
            parameters: self.scope.parameters.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            outputs: self.outputs()?,
        };
        let mut queue_policies = Vec::new();
        for (id, kind, declaration) in &resources {
            match *kind {
                "AWS::Serverless::HttpApi" => {}
                "AWS::Serverless::Function" => {
                    let function = self.function(id, declaration, &mut template.api)?;
                    template.functions.push(function);
                }
                "AWS::DynamoDB::Table" => {
                    let properties = self.properties(id, declaration)?;
                    let name = resources::physical_name(&self.scope, kind, id)?;
                    template.tables.push(table::table(name, &Node::new(&properties, properties_at(id)))?);
                }
                "AWS::SQS::Queue" => {
                    let properties = self.properties(id, declaration)?;
                    let name = resources::physical_name(&self.scope, kind, id)?;
                    template.queues.push(queue::queue(name, &Node::new(&properties, properties_at(id)))?);
                }
                "AWS::SQS::QueuePolicy" => {
                    let properties = self.properties(id, declaration)?;
                    queue_policies.push(QueuePolicy::read(&Node::new(&properties, properties_at(id)))?);
                }
                "AWS::SecretsManager::Secret" => template.secrets.push(self.secret(id)?),
                _ => {}
            }
        }
        if template.functions.is_empty() {
            return Err(TemplateError::new("", "the template has no AWS::Serverless::Function"));
        }
        for (id, kind, declaration) in resources.iter().filter(|(_, kind, _)| custom_resource::is_custom(kind)) {
            let properties = self.properties(id, declaration)?;
            let properties = Node::new(&properties, properties_at(id));
            template.custom_resources.push(custom_resource::read(id, kind, &properties, &template.functions)?);
        }
        for (id, _, declaration) in resources.iter().filter(|(_, kind, _)| *kind == "AWS::Lambda::EventSourceMapping") {
            let properties = self.properties(id, declaration)?;
            mapping::read(id, &Node::new(&properties, properties_at(id)), &mut template.functions)?;
        }
        for (id, kind, declaration) in &resources {
            // Those of SAM are for the events of a function.
            if *kind == "AWS::Lambda::Permission" && !self.generated_ids.contains(*id) {
                let properties = self.properties(id, declaration)?;
                let (name, permission) = Permission::read(&Node::new(&properties, properties_at(id)))?;
                let function = template.functions.iter_mut().find(|function| function.name == name);
                let missing = || TemplateError::new(properties_at(id), format!("there is no function `{name}`"));
                function.ok_or_else(missing)?.permissions.push(permission);
            }
        }
        dead_letter::check_dead_letter_queues(&template.functions, &template.queues, &queue_policies)?;
        dead_letter::check_redrive(&template.queues)?;
        mapping::check(&template.functions, &template.queues)?;
        Ok(template)
    }

    /// Id, type and declaration of every resource whose condition holds.
    fn resources(&self) -> Result<Vec<(&str, &str, &Value)>> {
        let Some(declared) = self.scope.template.get("Resources").and_then(Value::as_object) else {
            return Err(TemplateError::new("", "the template has no `Resources`"));
        };
        let left_out = local_cloud::read(self.scope.template)?.left_out;
        kinds::check_left_out(&left_out, declared)?;
        let mut resources = Vec::new();
        for (id, declaration) in declared {
            let at = format!("Resources.{id}");
            let Some(kind) = declaration.get("Type").and_then(Value::as_str) else {
                return Err(TemplateError::new(at, "`Type` is missing"));
            };
            if self.scope.exists(declaration, &at)? {
                // Said here, before something that refers to the resource is blamed.
                if !self.generated_ids.contains(id) && !left_out.contains(id) {
                    kinds::check(kind, format!("{at}.Type"))?;
                }
                resources.push((id.as_str(), kind, declaration));
            }
        }
        Ok(resources)
    }

    fn api(&self, resources: &[(&str, &str, &Value)]) -> Result<Api> {
        let mut apis = resources.iter().filter(|(_, kind, _)| *kind == "AWS::Serverless::HttpApi");
        let (first, second) = (apis.next(), apis.next());
        if let Some((id, ..)) = second {
            return Err(TemplateError::unsupported(format!("Resources.{id}"), "a second HTTP API"));
        }
        let id = first.map_or("ServerlessHttpApi", |(id, ..)| id);
        let own =
            first.and_then(|(_, _, declaration)| declaration.get("Properties")).cloned().unwrap_or_else(|| json!({}));
        let properties = self.scope.resolve(&self.with_globals("HttpApi", own), &properties_at(id))?;
        api::api(&Node::new(&properties, properties_at(id)))
    }

    fn function(&self, id: &str, declaration: &Value, api: &mut Api) -> Result<Function> {
        let own = declaration.get("Properties").cloned().unwrap_or_else(|| json!({}));
        let properties = self.scope.resolve(&self.with_globals("Function", own), &properties_at(id))?;
        let metadata = self.metadata(id, declaration)?;
        let name = resources::physical_name(&self.scope, "AWS::Serverless::Function", id)?;
        let metadata = Node::new(&metadata, format!("Resources.{id}.Metadata"));
        function::function(&self.scope, id, name, &metadata, &Node::new(&properties, properties_at(id)), api)
    }

    fn secret(&self, id: &str) -> Result<Secret> {
        Ok(Secret {
            name: resources::physical_name(&self.scope, "AWS::SecretsManager::Secret", id)?,
            description: self.scope.property(id, "Description")?.unwrap_or_default(),
        })
    }

    fn outputs(&self) -> Result<BTreeMap<String, String>> {
        let mut outputs = BTreeMap::new();
        let Some(declared) = self.scope.template.get("Outputs").and_then(Value::as_object) else { return Ok(outputs) };
        for (name, output) in declared {
            let at = format!("Outputs.{name}");
            if self.scope.exists(output, &at)? {
                let value = self.scope.resolve(&output["Value"], &format!("{at}.Value"))?;
                outputs.insert(name.clone(), Node::new(&value, at).text()?);
            }
        }
        Ok(outputs)
    }

    fn properties(&self, id: &str, declaration: &Value) -> Result<Value> {
        self.scope.resolve(declaration.get("Properties").unwrap_or(&json!({})), &properties_at(id))
    }

    fn metadata(&self, id: &str, declaration: &Value) -> Result<Value> {
        self.scope.resolve(declaration.get("Metadata").unwrap_or(&json!({})), &format!("Resources.{id}.Metadata"))
    }

    fn with_globals(&self, section: &str, own: Value) -> Value {
        match self.scope.template.get("Globals").and_then(|globals| globals.get(section)) {
            Some(globals) => merge(globals.clone(), own),
            None => own,
        }
    }
}

/// A parameter's value as it is given.
fn text(value: &Value) -> String {
    match value {
        Value::Array(elements) => elements.iter().map(text).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn properties_at(id: &str) -> String {
    format!("Resources.{id}.Properties")
}

/// SAM's rule for globals: mappings merge key by key, lists are joined, and of anything else the own value wins.
fn merge(global: Value, own: Value) -> Value {
    match (global, own) {
        (Value::Object(global), Value::Object(own)) if !is_call(&global) && !is_call(&own) => {
            let mut merged = global;
            for (key, value) in own {
                let value = match merged.remove(&key) {
                    Some(global) => merge(global, value),
                    None => value,
                };
                merged.insert(key, value);
            }
            merged.into()
        }
        (Value::Array(mut global), Value::Array(own)) => {
            global.extend(own);
            global.into()
        }
        (_, own) => own,
    }
}

/// A call of an intrinsic function is one value, not a mapping to merge into.
fn is_call(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
}

#[cfg(test)]
mod tests;
