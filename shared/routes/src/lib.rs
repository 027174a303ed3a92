//! For build scripts: writes the routes of a function as Rust, from template.yaml, so that a route that is misspelt,
//! missing or no longer there does not compile.
//!
//! Of an event `Put` of type `HttpApi` with `PUT /stages/{stage}` it makes the variant `Route::Put` and the constant
//! `parameter::STAGE`. The function includes both:
//!
//! ```ignore
//! mod route {
//!     include!(concat!(env!("OUT_DIR"), "/routes.rs"));
//! }
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use serde_yaml_ng::Value;

/// One route of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    /// The event's name in the template.
    name: String,
    /// As API Gateway names it, such as `PUT /stages/{stage}`.
    key: String,
}

/// Writes `routes.rs` into cargo's `OUT_DIR`, for the function whose folder cargo is building.
///
/// # Errors
/// A sentence on what is wrong with template.yaml, or with its place.
#[expect(clippy::print_stdout, reason = "how a build script speaks with cargo")]
pub fn generate() -> Result<(), String> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| format!("cargo has not set {name}"));
    let (folder, out) = (variable("CARGO_MANIFEST_DIR")?, variable("OUT_DIR")?);
    let name = folder.file_name().and_then(|name| name.to_str()).ok_or("the function has no folder")?;
    let template = folder.join("../../template.yaml");
    println!("cargo::rerun-if-changed={}", template.display());
    let text = fs::read_to_string(&template).map_err(|error| format!("{}: {error}", template.display()))?;
    let code = code(&routes(&text, &format!("functions/{name}"))?);
    fs::write(out.join("routes.rs"), code).map_err(|error| format!("{}: {error}", out.display()))
}

/// The routes of the function with this `CodeUri`, in the template's order.
fn routes(template: &str, code_uri: &str) -> Result<Vec<Route>, String> {
    let template: Value = serde_yaml_ng::from_str(template).map_err(|error| format!("template.yaml: {error}"))?;
    let resources = template["Resources"].as_mapping().ok_or("template.yaml has no Resources")?;
    let function = resources.values().find(|resource| resource["Properties"]["CodeUri"] == *code_uri);
    let function = function.ok_or_else(|| format!("template.yaml has no function with CodeUri: {code_uri}"))?;
    let events = function["Properties"]["Events"].as_mapping().into_iter().flatten();
    let routes = events.filter(|(_, event)| event["Type"] == "HttpApi").map(|(name, event)| {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let properties = &event["Properties"];
        let (name, method, path) = (text(name), text(&properties["Method"]), text(&properties["Path"]));
        let (Some(name), Some(method), Some(path)) = (name, method, path) else {
            return Err(format!("template.yaml: an HttpApi event of {code_uri} has no name, Method or Path"));
        };
        Ok(Route { name, key: format!("{method} {path}") })
    });
    let routes: Vec<Route> = routes.collect::<Result<_, String>>()?;
    if routes.is_empty() { Err(format!("template.yaml: {code_uri} has no HttpApi event")) } else { Ok(routes) }
}

/// The names in braces.
fn parameters(routes: &[Route]) -> BTreeSet<&str> {
    let braced = routes.iter().flat_map(|route| route.key.split('{').skip(1));
    braced.filter_map(|rest| rest.split('}').next()).map(|name| name.trim_end_matches('+')).collect()
}

/// `userId` as a constant's name: `USER_ID`.
fn constant(name: &str) -> String {
    let mut constant = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    constant
}

fn code(routes: &[Route]) -> String {
    let mut variants = String::new();
    let mut arms = String::new();
    for Route { name, key } in routes {
        // Writing to a String cannot fail.
        let _ = write!(variants, "\n    /// `{key}`\n    {name},");
        let _ = write!(arms, "\n            {key:?} => Some(Self::{name}),");
    }
    let mut constants = String::new();
    for name in parameters(routes) {
        let constant = constant(name);
        let _ =
            write!(constants, "\n    /// `{{{name}}}` of a path.\n    pub(crate) const {constant}: &str = {name:?};");
    }
    let parameter = if constants.is_empty() {
        String::new()
    } else {
        format!("\n/// The parameters of the paths.\npub(crate) mod parameter {{{constants}\n}}\n")
    };
    format!(
        "/// The routes of this function.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq)]\n\
         pub(crate) enum Route {{{variants}\n}}\n\n\
         impl Route {{\n    /// The route that API Gateway names so.\n    \
         pub(crate) fn of(key: &str) -> Option<Self> {{\n        match key {{{arms}\n            _ => None,\n        }}\n    }}\n}}\n{parameter}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  StageFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/stage
      Description: !Sub ${AWS::StackName}
      Events:
        Put: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: PUT, Path: '/stages/{stage}/users/{userId}'}}
        Daily: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}
  OtherFunction:
    Properties: {CodeUri: functions/other, Events: {Odd: {Type: HttpApi, Properties: {Method: GET}}}}
  SilentFunction:
    Properties: {CodeUri: functions/silent}
";

    #[test]
    fn a_function_has_the_routes_of_its_own_http_events() {
        let expected = Route { name: "Put".to_owned(), key: "PUT /stages/{stage}/users/{userId}".to_owned() };
        assert_eq!(routes(TEMPLATE, "functions/stage"), Ok(vec![expected]));
    }

    #[test]
    fn what_is_missing_in_the_template_is_said() {
        for (code_uri, said) in [
            ("functions/nobody", "no function with CodeUri: functions/nobody"),
            ("functions/other", "no name, Method or Path"),
            ("functions/silent", "no HttpApi event"),
        ] {
            let error = routes(TEMPLATE, code_uri).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(routes("- a list", "functions/stage").unwrap_err().contains("no Resources"));
    }

    #[test]
    fn the_code_has_a_variant_a_route_and_a_constant_a_parameter() {
        let code = code(&routes(TEMPLATE, "functions/stage").unwrap());
        for line in [
            "    Put,",
            "            \"PUT /stages/{stage}/users/{userId}\" => Some(Self::Put),",
            "    pub(crate) const STAGE: &str = \"stage\";",
            "    pub(crate) const USER_ID: &str = \"userId\";",
        ] {
            assert!(code.lines().any(|found| found == line), "{line} is not in\n{code}");
        }
    }

    #[test]
    fn a_function_without_parameters_has_none() {
        let route = Route { name: "List".to_owned(), key: "GET /servers".to_owned() };
        assert!(!code(&[route]).contains("parameter"));
    }
}
