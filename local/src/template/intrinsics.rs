//! CloudFormation's intrinsic functions, pseudo parameters and conditions.
//!
//! Evaluation is lazy: only what the local cloud reads is evaluated, and what it reads must be fully known. An unknown
//! function, attribute or name is an error that says where.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::{Result, TemplateError};
use super::resources::{self, Stack};
use crate::aws::ACCOUNT;

/// Finds the ARN of a secret by name and description; the stand-in chooses its random suffix.
pub(crate) type SecretArn<'a> = &'a dyn Fn(&str, &str) -> String;

/// Everything that an intrinsic function may refer to.
pub(crate) struct Scope<'a> {
    pub(crate) template: &'a Value,
    pub(crate) parameters: BTreeMap<String, Value>,
    pub(crate) stack_name: &'a str,
    pub(crate) region: &'a str,
    /// The endpoint of SQS, without a slash at its end.
    pub(crate) queues_url: &'a str,
    pub(crate) secret_arn: SecretArn<'a>,
    /// The resources and conditions being evaluated now, to notice a circle.
    open: RefCell<Vec<String>>,
}

/// The argument list of one intrinsic function, with its path for messages.
struct Call<'a> {
    name: &'a str,
    argument: &'a Value,
    at: &'a str,
}

impl Call<'_> {
    fn list(&self, lengths: std::ops::RangeInclusive<usize>) -> Result<&[Value]> {
        match self.argument.as_array() {
            Some(list) if lengths.contains(&list.len()) => Ok(list),
            _ => Err(self.error("has the wrong number of arguments")),
        }
    }

    fn error(&self, what: &str) -> TemplateError {
        TemplateError::new(self.at, format!("{} {what}", self.name))
    }
}

impl<'a> Scope<'a> {
    pub(crate) fn new(
        template: &'a Value,
        parameters: BTreeMap<String, Value>,
        stack_name: &'a str,
        region: &'a str,
        queues_url: &'a str,
        secret_arn: SecretArn<'a>,
    ) -> Self {
        Self { template, parameters, stack_name, region, queues_url, secret_arn, open: RefCell::default() }
    }

    /// The value with every intrinsic function evaluated; entries that are `AWS::NoValue` are left out.
    pub(crate) fn resolve(&self, value: &Value, at: &str) -> Result<Value> {
        Ok(self.evaluate(value, at)?.unwrap_or(Value::Null))
    }

    /// As [`Scope::resolve`]; `None` is `AWS::NoValue`.
    fn evaluate(&self, value: &Value, at: &str) -> Result<Option<Value>> {
        match value {
            Value::Object(map) => match intrinsic(map) {
                Some((name, argument)) => self.call(&Call { name, argument, at }),
                None => {
                    let mut resolved = Map::new();
                    for (key, value) in map {
                        if let Some(value) = self.evaluate(value, &format!("{at}.{key}"))? {
                            resolved.insert(key.clone(), value);
                        }
                    }
                    Ok(Some(resolved.into()))
                }
            },
            Value::Array(list) => {
                let elements =
                    list.iter().enumerate().map(|(index, value)| self.evaluate(value, &format!("{at}[{index}]")));
                let present: Vec<_> = elements.collect::<Result<_>>()?;
                Ok(Some(present.into_iter().flatten().collect()))
            }
            _ => Ok(Some(value.clone())),
        }
    }

    fn call(&self, call: &Call<'_>) -> Result<Option<Value>> {
        Ok(Some(match call.name {
            "Ref" => return self.reference(self.word(call.argument, call.at)?.as_str(), call.at),
            "Fn::GetAtt" => self.get_att(call)?,
            "Fn::Sub" => self.sub(call)?.into(),
            "Fn::If" => {
                let arguments = call.list(3..=3)?;
                let branch = if self.condition(&self.word(&arguments[0], call.at)?, call.at)? { 1 } else { 2 };
                return self.evaluate(&arguments[branch], call.at);
            }
            "Fn::Join" => {
                let arguments = call.list(2..=2)?;
                let separator = self.word(&arguments[0], call.at)?;
                self.words(&arguments[1], call)?.join(&separator).into()
            }
            "Fn::Select" => {
                let arguments = call.list(2..=2)?;
                let index: usize =
                    self.word(&arguments[0], call.at)?.parse().map_err(|_| call.error("needs an index"))?;
                let list = self.words(&arguments[1], call)?;
                list.get(index).cloned().ok_or_else(|| call.error("selects beyond the end of the list"))?.into()
            }
            "Fn::Split" => {
                let arguments = call.list(2..=2)?;
                let (separator, text) = (self.word(&arguments[0], call.at)?, self.word(&arguments[1], call.at)?);
                text.split(&separator).collect()
            }
            "Fn::FindInMap" => self.find_in_map(call)?,
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" | "Condition" => self.holds(call)?.into(),
            other => return Err(TemplateError::unsupported(call.at, format!("the intrinsic function {other}"))),
        }))
    }

    /// `Ref`: of a pseudo parameter, a parameter or a resource.
    fn reference(&self, name: &str, at: &str) -> Result<Option<Value>> {
        let value = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::StackName" => self.stack_name.into(),
            "AWS::Region" => self.region.into(),
            "AWS::AccountId" => ACCOUNT.into(),
            "AWS::Partition" => "aws".into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            _ => match self.parameters.get(name) {
                Some(value) => value.clone(),
                None => self.of_resource(name, at, |kind| resources::reference(self, kind, name, at))?.into(),
            },
        };
        Ok(Some(value))
    }

    fn get_att(&self, call: &Call<'_>) -> Result<Value> {
        let arguments = call.list(2..=2)?;
        let (name, attribute) = (self.word(&arguments[0], call.at)?, self.word(&arguments[1], call.at)?);
        self.attribute(&name, &attribute, call.at).map(Value::from)
    }

    fn attribute(&self, name: &str, attribute: &str, at: &str) -> Result<String> {
        self.of_resource(name, at, |kind| resources::attribute(self, kind, name, attribute, at))
    }

    /// Runs `read` with the type of a resource that exists in this stack, and notices a circle.
    fn of_resource(&self, name: &str, at: &str, read: impl FnOnce(&str) -> Result<String>) -> Result<String> {
        let declaration = self.template.get("Resources").and_then(|resources| resources.get(name));
        let Some(declaration) = declaration else {
            return Err(TemplateError::new(at, format!("`{name}` is neither a parameter nor a resource")));
        };
        if !self.exists(declaration, name)? {
            return Err(TemplateError::new(at, format!("`{name}` is not made: its condition is false")));
        }
        let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or_default();
        self.guarded(name, at, || read(kind))
    }

    fn guarded<T>(&self, name: &str, at: &str, evaluate: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.open.borrow().iter().any(|open| open == name) {
            return Err(TemplateError::new(at, format!("`{name}` depends on itself")));
        }
        self.open.borrow_mut().push(name.to_owned());
        let result = evaluate();
        self.open.borrow_mut().pop();
        result
    }

    /// Whether a resource or output is made: it has no `Condition`, or a true one.
    pub(crate) fn exists(&self, declaration: &Value, at: &str) -> Result<bool> {
        match declaration.get("Condition") {
            None => Ok(true),
            Some(Value::String(name)) => self.condition(name, at),
            Some(_) => Err(TemplateError::new(at, "`Condition` must name a condition")),
        }
    }

    fn condition(&self, name: &str, at: &str) -> Result<bool> {
        let Some(definition) = self.template.get("Conditions").and_then(|conditions| conditions.get(name)) else {
            return Err(TemplateError::new(at, format!("there is no condition `{name}`")));
        };
        self.guarded(name, at, || self.truth(definition, &format!("Conditions.{name}")))
    }

    fn truth(&self, value: &Value, at: &str) -> Result<bool> {
        match self.resolve(value, at)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(TemplateError::new(at, "must be a condition function")),
        }
    }

    fn holds(&self, call: &Call<'_>) -> Result<bool> {
        if call.name == "Condition" {
            return self.condition(&self.word(call.argument, call.at)?, call.at);
        }
        match call.name {
            "Fn::Equals" => {
                let arguments = call.list(2..=2)?;
                Ok(self.word(&arguments[0], call.at)? == self.word(&arguments[1], call.at)?)
            }
            "Fn::Not" => Ok(!self.truth(&call.list(1..=1)?[0], call.at)?),
            name => {
                let truths = call.list(2..=10)?.iter().map(|argument| self.truth(argument, call.at));
                let truths: Vec<_> = truths.collect::<Result<_>>()?;
                Ok(if name == "Fn::And" { truths.iter().all(|t| *t) } else { truths.iter().any(|t| *t) })
            }
        }
    }

    fn find_in_map(&self, call: &Call<'_>) -> Result<Value> {
        let mut found = self.template.get("Mappings").unwrap_or(&Value::Null);
        for key in call.list(3..=3)? {
            let key = self.word(key, call.at)?;
            found = found.get(&key).ok_or_else(|| call.error(&format!("finds no `{key}`")))?;
        }
        Ok(found.clone())
    }

    fn sub(&self, call: &Call<'_>) -> Result<String> {
        let (template, variables) = match call.argument {
            Value::Array(_) => match call.list(2..=2)? {
                [Value::String(template), Value::Object(variables)] => (template, Some(variables)),
                _ => return Err(call.error("needs a string and a mapping")),
            },
            Value::String(template) => (template, None),
            _ => return Err(call.error("needs a string")),
        };
        let mut text = String::new();
        let mut rest = template.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, remainder) = after.split_once('}').ok_or_else(|| call.error("has a `${` without `}`"))?;
            text.push_str(before);
            match name.strip_prefix('!') {
                // `${!Literal}` stands for `${Literal}`.
                Some(literal) => text.push_str(&format!("${{{literal}}}")),
                None => text.push_str(&self.substitute(name.trim(), variables, call.at)?),
            }
            rest = remainder;
        }
        text.push_str(rest);
        Ok(text)
    }

    fn substitute(&self, name: &str, variables: Option<&Map<String, Value>>, at: &str) -> Result<String> {
        if let Some(value) = variables.and_then(|variables| variables.get(name)) {
            return self.word(value, at);
        }
        match name.split_once('.') {
            Some((resource, attribute)) => self.attribute(resource, attribute, at),
            None => match self.reference(name, at)? {
                Some(value) => super::node::Node::new(&value, at).text(),
                None => Err(TemplateError::new(at, format!("${{{name}}} has no value"))),
            },
        }
    }

    /// An argument that must come out as text.
    fn word(&self, value: &Value, at: &str) -> Result<String> {
        super::node::Node::new(&self.resolve(value, at)?, at).text()
    }

    /// An argument that must come out as a list of texts.
    fn words(&self, value: &Value, call: &Call<'_>) -> Result<Vec<String>> {
        match self.resolve(value, call.at)? {
            list @ Value::Array(_) => super::node::Node::new(&list, call.at).texts(),
            _ => Err(call.error("needs a list")),
        }
    }
}

impl Stack for Scope<'_> {
    fn name(&self) -> &str {
        self.stack_name
    }

    fn region(&self) -> &str {
        self.region
    }

    fn queues_url(&self) -> &str {
        self.queues_url
    }

    fn secret_arn(&self, name: &str, description: &str) -> String {
        (self.secret_arn)(name, description)
    }

    fn property(&self, resource: &str, property: &str) -> Result<Option<String>> {
        let at = format!("Resources.{resource}.Properties.{property}");
        let value = &self.template["Resources"][resource]["Properties"][property];
        match self.resolve(value, &at)? {
            Value::Null => Ok(None),
            value => super::node::Node::new(&value, at).text().map(Some),
        }
    }
}

/// The function name and argument, if the mapping is a call of an intrinsic function.
fn intrinsic(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = map.iter().next().filter(|_| map.len() == 1)?;
    let is_call = name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string());
    is_call.then_some((name.as_str(), argument))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::error::without_cure;

    fn resolve(value: Value) -> Result<Value> {
        let template = json!({
            "Mappings": {"Sizes": {"us-east-1": {"Small": 128}}},
            "Conditions": {
                "Yes": {"Fn::Equals": [{"Ref": "Word"}, "hello"]},
                "No": {"Fn::Not": [{"Condition": "Yes"}]},
                "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
                "Either": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
                "Circle": {"Fn::Not": [{"Condition": "Circle"}]},
            },
            "Resources": {
                "Rows": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Fn::Sub": "${Word}-rows"}}},
                "Absent": {"Type": "AWS::DynamoDB::Table", "Condition": "No", "Properties": {}},
                "Strange": {"Type": "AWS::Strange::Thing"},
            },
        });
        let parameters = [("Word", json!("hello")), ("List", json!(["a", "b"]))];
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Scope::new(&template, parameters, "stack", "us-east-1", "http://sqs.test", &|_, _| unreachable!())
            .resolve(&value, "x")
    }

    #[test]
    fn pseudo_parameters_have_values() {
        let text = "${AWS::Partition} ${AWS::Region} ${AWS::AccountId} ${AWS::StackName} ${AWS::URLSuffix}";
        assert_eq!(resolve(json!({"Fn::Sub": text})).unwrap(), "aws us-east-1 000000000000 stack amazonaws.com");
    }

    #[test]
    fn references_reach_parameters_and_resources() {
        assert_eq!(resolve(json!({"Ref": "List"})).unwrap(), json!(["a", "b"]));
        assert_eq!(resolve(json!({"Ref": "Rows"})).unwrap(), "hello-rows");
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/hello-rows";
        assert_eq!(resolve(json!({"Fn::GetAtt": ["Rows", "Arn"]})).unwrap(), arn);
        assert_eq!(resolve(json!({"Fn::Sub": "${Rows.Arn}/index/*"})).unwrap(), format!("{arn}/index/*"));
    }

    #[test]
    fn sub_takes_variables_and_literals() {
        let value = json!({"Fn::Sub": ["${Own}-${Word}-${!Kept}", {"Own": {"Ref": "Word"}}]});
        assert_eq!(resolve(value).unwrap(), "hello-hello-${Kept}");
    }

    #[test]
    fn list_functions_compose() {
        assert_eq!(resolve(json!({"Fn::Join": ["+", {"Ref": "List"}]})).unwrap(), "a+b");
        assert_eq!(resolve(json!({"Fn::Select": [1, {"Fn::Split": ["/", "a/b/c"]}]})).unwrap(), "b");
        assert_eq!(resolve(json!({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "Small"]})).unwrap(), 128);
    }

    #[test]
    fn conditions_choose_and_no_value_disappears() {
        let choose = |name: &str| resolve(json!({"Fn::If": [name, 1, 2]})).unwrap();
        assert_eq!(
            [choose("Yes"), choose("No"), choose("Both"), choose("Either")],
            [json!(1), json!(2), json!(2), json!(1)]
        );
        let value = json!({"gone": {"Ref": "AWS::NoValue"}, "list": [{"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}]});
        assert_eq!(resolve(value).unwrap(), json!({"list": []}));
    }

    #[test]
    fn what_cannot_be_known_is_an_error_that_says_where() {
        for (value, expected) in [
            (json!({"Ref": "Nobody"}), "x: `Nobody` is neither a parameter nor a resource"),
            (json!({"Ref": "Absent"}), "x: `Absent` is not made: its condition is false"),
            (
                json!({"a": [{"Fn::Base64": "b"}]}),
                "x.a[0]: the local cloud does not support the intrinsic function Fn::Base64",
            ),
            (
                json!({"Fn::GetAtt": ["Rows", "Colour"]}),
                "x: the local cloud does not support `Colour` of AWS::DynamoDB::Table",
            ),
            (json!({"Ref": "Strange"}), "x: the local cloud does not support references to AWS::Strange::Thing"),
            (json!({"Fn::If": ["Circle", 1, 2]}), "Conditions.Circle: `Circle` depends on itself"),
            (json!({"Fn::Sub": "${Word"}), "x: Fn::Sub has a `${` without `}`"),
            (json!({"Fn::Join": ["-"]}), "x: Fn::Join has the wrong number of arguments"),
        ] {
            assert_eq!(without_cure(&resolve(value).unwrap_err().to_string()), expected);
        }
    }
}
