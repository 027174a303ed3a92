//! The functions' policies in template.yaml, part by part, and the template without one of the parts.

use std::fmt;

use serde_yaml_ng::{Mapping, Value};

/// What stands in the place of an action that is taken out: everyone may do it anyway.
const NO_ACTION: &str = "sts:GetCallerIdentity";
/// What stands in the place of a resource that is taken out.
const NO_RESOURCE: &str = "arn:aws:s3:::none";

/// An action of a statement, or one of several resources.
#[derive(Debug, Clone)]
pub struct Part {
    /// Logical id of the function.
    pub function: String,
    /// The statement's actions, or the one that this is about.
    pub actions: Vec<String>,
    /// Which of the function's statements, from 0, and of its parts.
    statement: usize,
    key: &'static str,
    index: usize,
    text: String,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, statement, key, text, .. } = self;
        write!(f, "{function}: {key} {text} of statement {}", statement + 1)
    }
}

/// A template whose functions have policies.
pub struct Policies(Value);

impl Policies {
    /// Reads a template.
    ///
    /// # Panics
    /// When it is no YAML.
    pub fn read(template: &str) -> Self {
        Self(serde_yaml_ng::from_str(template).expect("the template is YAML"))
    }

    /// Every action of every statement, and every resource of a statement that has several.
    pub fn parts(&self, function: &str) -> Vec<Part> {
        let mut template = self.0.clone();
        let mut parts = Vec::new();
        for (statement, declaration) in statements(&mut template, function).into_iter().enumerate() {
            let elements = |key: &str| -> Vec<Value> { declaration.get(key).map(elements).unwrap_or_default() };
            let texts = |values: &[Value]| -> Vec<String> { values.iter().map(text).collect() };
            let (actions, resources) = (elements("Action"), elements("Resource"));
            assert!(!actions.is_empty() && !resources.is_empty(), "{function}: statement {statement} allows nothing");
            let actions = texts(&actions);
            let part = |key, index, text: &String, actions: &[String]| Part {
                function: function.to_owned(),
                actions: actions.to_vec(),
                statement,
                key,
                index,
                text: text.clone(),
            };
            for (index, action) in actions.iter().enumerate() {
                parts.push(part("Action", index, action, &actions[index..=index]));
            }
            if resources.len() > 1 {
                let resources = texts(&resources);
                parts.extend(resources.iter().enumerate().map(|(index, text)| part("Resource", index, text, &actions)));
            }
        }
        parts
    }

    /// The template without a part.
    ///
    /// # Panics
    /// When the part is not of this template.
    pub fn without(&self, part: &Part) -> String {
        let mut template = self.0.clone();
        let mut statements = statements(&mut template, &part.function);
        let declared = statements[part.statement].get_mut(part.key).expect("the statement has such a part");
        let mut elements = elements(declared);
        assert_eq!(text(&elements[part.index]), part.text);
        elements[part.index] = Value::from(if part.key == "Action" { NO_ACTION } else { NO_RESOURCE });
        *declared = Value::Sequence(elements);
        drop(statements);
        serde_yaml_ng::to_string(&template).expect("YAML can be written")
    }
}

/// A list, or what stands for a list of one.
fn elements(value: &Value) -> Vec<Value> {
    match value {
        Value::Sequence(elements) => elements.clone(),
        single => vec![single.clone()],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_yaml_ng::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

/// The statements of a function's policies, those under a condition as well.
fn statements<'a>(template: &'a mut Value, function: &str) -> Vec<&'a mut Mapping> {
    let policies = template
        .get_mut("Resources")
        .and_then(|resources| resources.get_mut(function))
        .and_then(|declaration| declaration.get_mut("Properties"))
        .and_then(|properties| properties.get_mut("Policies"));
    let mut found = Vec::new();
    for policy in policies.and_then(Value::as_sequence_mut).into_iter().flatten() {
        for statement in policy.get_mut("Statement").and_then(Value::as_sequence_mut).into_iter().flatten() {
            collect(statement, &mut found);
        }
    }
    found
}

/// A statement, or `!If [condition, statement, statement or no value]`.
fn collect<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Mapping>) {
    match value {
        Value::Mapping(statement) => found.push(statement),
        Value::Tagged(tagged) => match tagged.tag.to_string().as_str() {
            "!If" => {
                let branches = tagged.value.as_sequence_mut().into_iter().flatten().skip(1);
                branches.for_each(|branch| collect(branch, found));
            }
            "!Ref" => {}
            other => panic!("a statement under {other}"),
        },
        other => panic!("a statement of another shape: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Resources:
  Function:
    Properties:
      Policies:
        - Statement:
            - {Effect: Allow, Action: [a:One, a:Two], Resource: !GetAtt Table.Arn}
            - !If [Own, {Effect: Allow, Action: b:One, Resource: [!Ref A, '*']}, !Ref AWS::NoValue]
";

    #[test]
    fn every_action_is_a_part_and_so_is_each_of_several_resources() {
        let parts: Vec<_> = Policies::read(TEMPLATE).parts("Function").iter().map(Part::to_string).collect();
        let expected = [
            "Function: Action a:One of statement 1",
            "Function: Action a:Two of statement 1",
            "Function: Action b:One of statement 2",
            "Function: Resource !Ref A of statement 2",
            "Function: Resource * of statement 2",
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn the_template_without_a_part_lacks_it_and_nothing_else() {
        let policies = Policies::read(TEMPLATE);
        let left = |n: usize| policies.without(&policies.parts("Function")[n]);
        assert!(!left(0).contains("a:One") && left(0).contains("a:Two") && left(0).contains("b:One"), "{}", left(0));
        assert!(!left(2).contains("b:One") && left(2).contains("!Ref A"), "{}", left(2));
        assert!(!left(3).contains("!Ref A\n") && left(3).contains("!GetAtt Table.Arn"), "{}", left(3));
    }
}
