//! No function may do more than it does: without any single action or resource of its policy, something fails.
//!
//! What is taken out comes from template.yaml. Each function has a tour, which makes every AWS call that it can make,
//! the rare ones as well: with the whole policy, nothing on the tour is denied, and with a part missing, only that.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::{fs, thread};

use serde_json::json;
use tests::{Part, Policies, Setup, root};

use crate::tours;

/// Local clouds at a time.
const AT_ONCE: usize = 4;

/// How often a tour is taken that shows nothing, or breaks off. Functions have ten seconds and a call of theirs two, which
/// a machine that is busy with something else does not always keep: then what comes after is not reached.
const TOURS: usize = 3;

/// What is denied on what is gone, which bears no tag any more: a call that is repeated, since its first answer came too
/// late, had its effect and is denied nevertheless. Without the permission, it is denied on every tour.
const DENIED_ONCE_DONE: [&str; 3] = ["ivs:DeleteStage", "ivs:DeleteChannel", "ivschat:DeleteRoom"];

/// Function and action of each call that was denied.
type Denied = BTreeSet<(String, String)>;

/// Services whose actions cannot be shown to be needed, and why.
const EXEMPT: [(&str, &str); 1] = [("kms:", "the local cloud has no KMS; DynamoDB's own guide names these actions")];

fn is_exempt(part: &Part) -> bool {
    part.actions.iter().all(|action| EXEMPT.iter().any(|(prefix, _)| action.starts_with(prefix)))
}

/// Takes a function's tour without a part of its policy, if any, and answers what was denied.
fn denied_on_tour(template: String, function: &str) -> Denied {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Without a permission that this one needs, the stack would not even come up: its tour makes the keys.
    let template = match function {
        "SigningKeysFunction" => {
            template.replace("Type: Custom::SigningKeys", "Type: AWS::CloudFormation::WaitConditionHandle")
        }
        _ => template,
    };
    runtime.block_on(Setup::default().template(template).explore(async |app| {
        // Whether AWS asks for a permission to read where a refused write brings the old item, is not known: if so, the
        // policies have it, and not for nothing.
        app.anonymous().put("/_local/assumptions", json!({"oldItemNeedsRead": true})).await.expect(200);
        tours::of(function).expect("the function has a tour")(app).await;
        // The policies of others are whole, and have tours of their own.
        app.denied().await.into_iter().filter(|(caller, _)| caller == function).collect()
    }))
}

/// Takes tours until one is clear; what the last one that came to its end has shown, if any did.
fn tour_until(is_clear: impl Fn(&Denied) -> bool, mut tour: impl FnMut() -> thread::Result<Denied>) -> Option<Denied> {
    let mut last = None;
    for _ in 0..TOURS {
        match tour() {
            Ok(denied) if is_clear(&denied) => return Some(denied),
            Ok(unclear) => last = Some(unclear),
            // It has told why.
            Err(_) => {}
        }
    }
    last
}

/// Whether a call that was denied may have had its effect already.
fn may_be_done((_, action): &(String, String)) -> bool {
    DENIED_ONCE_DONE.contains(&action.as_str())
}

/// Takes a tour in a thread of its own, whose panic is an error.
fn tour(template: &str, function: &str) -> thread::Result<Denied> {
    let (template, function) = (template.to_owned(), function.to_owned());
    thread::spawn(move || denied_on_tour(template, &function)).join()
}

/// What is wrong with a part of a policy.
fn fault(policies: &Policies, function: &str, part: &Part) -> Option<String> {
    let template = policies.without(part);
    let is_taken = |call: &(String, String)| part.actions.iter().any(|taken| taken.eq_ignore_ascii_case(&call.1));
    let tour = || {
        let denied = tour(&template, function)?.into_iter();
        Ok(denied.filter(|call| is_taken(call) || !may_be_done(call)).collect())
    };
    // What is not needed is never denied, however often it is looked for.
    let Some(denied) = tour_until(|denied| !denied.is_empty(), tour) else {
        return Some(format!("{part}: the tour broke off {TOURS} times"));
    };
    if denied.is_empty() {
        return Some(format!("{part}: nothing fails without it"));
    }
    (!denied.iter().all(is_taken)).then(|| format!("{part}: without it, other calls are denied: {denied:?}"))
}

/// Takes several tours at a time, and fails with whatever is found wrong.
fn find_faults<T: Send>(work: Vec<T>, fault: impl Fn(&T) -> Option<String> + Sync) {
    assert!(!work.is_empty());
    let (work, faults) = (Mutex::new(work), Mutex::new(Vec::new()));
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).pop();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(piece) = next() {
                    let found = fault(&piece);
                    faults.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_tour_that_shows_nothing_or_breaks_off_is_taken_again_but_not_for_ever() {
    let shown: Denied = [("StageFunction".to_owned(), "ivs:GetStage".to_owned())].into();
    let nothing = || Ok(Denied::new());
    let broken = || Err(Box::new("no time") as Box<dyn Any + Send>);
    for (tours, taken, expected) in [
        (vec![Ok(shown.clone()), nothing()], 1, Some(shown.clone())),
        (vec![nothing(), broken(), Ok(shown.clone())], 3, Some(shown.clone())),
        (vec![nothing(), broken(), broken(), Ok(shown.clone())], 3, Some(Denied::new())),
        (vec![broken(), broken(), broken(), Ok(shown)], 3, None),
    ] {
        let (count, mut tours) = (tours.len(), tours.into_iter());
        assert_eq!(tour_until(|denied| !denied.is_empty(), || tours.next().unwrap()), expected);
        assert_eq!(count - tours.len(), taken);
    }
}

/// On the other deployment of the tests, this shows of every AWS call that it takes its names from the deployment: the
/// policies allow no others.
#[test]
fn with_its_whole_policy_no_function_is_denied_anything() {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    find_faults(local_functions(), |function| {
        let is_clear = |denied: &Denied| denied.is_empty() || !denied.iter().all(may_be_done);
        let Some(denied) = tour_until(is_clear, || tour(&template, function)) else {
            return Some(format!("{function}: the tour broke off {TOURS} times"));
        };
        (!denied.is_empty()).then(|| format!("{function}: with its whole policy, it is denied {denied:?}"))
    });
}

#[test]
fn every_part_of_every_policy_is_needed_and_no_more_is_asked_for() {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    let policies = Policies::read(&template);
    let mut work = Vec::new();
    let mut exempted = BTreeSet::new();
    for function in local_functions() {
        assert!(tours::of(&function).is_some(), "{function} has no tour in tests/it/tours");
        for part in policies.parts(&function) {
            if is_exempt(&part) {
                exempted.extend(part.actions.iter().filter_map(|action| action.split(':').next().map(str::to_owned)));
            } else {
                work.push((function.clone(), part));
            }
        }
    }
    let services: BTreeSet<_> = EXEMPT.iter().map(|(prefix, _)| prefix.trim_end_matches(':').to_owned()).collect();
    assert_eq!(exempted, services, "an exemption that nothing needs");
    find_faults(work, |(function, part)| fault(&policies, function, part));
}

/// The functions of template.yaml, by logical id.
fn local_functions() -> Vec<String> {
    let template = local::TemplateSource::Path(root().join("template.yaml"));
    let options = local::Options { template, ..local::Options::default() };
    options.read_template().unwrap().functions().into_keys().collect()
}
