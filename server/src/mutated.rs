//! Bytes as strangers might send them, for properties: noise, and real shapes with fields taken out, retyped, nested,
//! made huge or given twice, and with the text itself torn.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// A body that sets out from one of `samples`, which are JSON.
pub fn bodies(samples: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let shaped = (select(samples), vec((any::<Index>(), changes()), 0..5), vec(scars(), 0..2));
    let shaped = shaped.prop_map(|(sample, changes, scars)| {
        let mut value: Value = serde_json::from_str(sample).expect("a sample is JSON");
        for (place, change) in changes {
            change.make(place.index(count(&value)), &mut value);
        }
        scars.into_iter().fold(value.to_string().into_bytes(), |body, scar| scar.cut(body))
    });
    prop_oneof![
        1 => vec(any::<u8>(), 0..300),
        1 => any::<String>().prop_map(String::into_bytes),
        1 => values().prop_map(|value| value.to_string().into_bytes()),
        9 => shaped,
    ]
}

/// Values that code which expects another one may stumble over.
pub fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1),
            json!(5),
            json!(3.5),
            json!(4.0),
            json!(1e308),
            json!(-0.0),
            json!(i64::MIN),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(""),
            json!(" "),
            json!("7"),
            json!("3"),
            json!("9".repeat(30)),
            json!("1".repeat(5_000)),
            json!("\u{0}"),
            json!("\u{feff}\u{202e}\u{200b}"),
            json!("a\r\nb: c"),
            json!("{\"id\":1}"),
            json!("Infinity"),
            json!("2026-03-05T09:20:00Z"),
            json!("+275760-09-13T00:00:00Z"),
            json!("x".repeat(70_000)),
            json!([]),
            json!([[]]),
            json!({}),
            json!({"id": 7}),
            json!([1, "a", null]),
        ]),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
    ]
}

/// What befalls one place of a value.
#[derive(Clone, Debug)]
enum Change {
    Become(Value),
    /// Its parts but one.
    Lose(Index),
    /// One of its parts under another's name, or twice in a list.
    Repeat(Index, String),
    Nest(u8),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => values().prop_map(Change::Become),
        3 => any::<Index>().prop_map(Change::Lose),
        1 => (any::<Index>(), "[a-zA-Z_]{0,8}").prop_map(|(which, name)| Change::Repeat(which, name)),
        1 => prop_oneof![1_u8..4, 100..200_u8].prop_map(Change::Nest),
    ]
}

impl Change {
    fn make(self, place: usize, whole: &mut Value) {
        let Some(value) = nth(whole, &mut { place }) else { return };
        match (self, value) {
            (Self::Become(other), value) => *value = other,
            (Self::Nest(depth), value) => {
                for level in 0..depth {
                    let inner = value.take();
                    *value = if level % 2 == 0 { json!([inner]) } else { json!({"id": inner}) };
                }
            }
            (Self::Lose(which), Value::Object(fields)) if !fields.is_empty() => {
                let key = fields.keys().nth(which.index(fields.len())).cloned();
                fields.remove(&key.unwrap_or_default());
            }
            (Self::Lose(which), Value::Array(list)) if !list.is_empty() => {
                list.remove(which.index(list.len()));
            }
            (Self::Repeat(which, name), Value::Object(fields)) if !fields.is_empty() => {
                let copy = fields.values().nth(which.index(fields.len())).cloned();
                fields.insert(name, copy.unwrap_or_default());
            }
            (Self::Repeat(which, _), Value::Array(list)) if !list.is_empty() => {
                let copy = list[which.index(list.len())].clone();
                list.push(copy);
            }
            (Self::Lose(_) | Self::Repeat(..), value) => *value = Value::Null,
        }
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|value| nth(value, left)),
        Value::Object(fields) => fields.values_mut().find_map(|value| nth(value, left)),
        _ => None,
    }
}

/// What befalls the text.
#[derive(Clone, Debug)]
enum Scar {
    Torn(Index),
    Dirty(Index, Vec<u8>),
    Doubled,
    Marked,
    /// A field given twice, with another value the first time.
    Again(Index, Value),
}

fn scars() -> impl Strategy<Value = Scar> {
    prop_oneof![
        2 => any::<Index>().prop_map(Scar::Torn),
        2 => (any::<Index>(), vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Scar::Dirty(at, bytes)),
        1 => Just(Scar::Doubled),
        1 => Just(Scar::Marked),
        2 => (any::<Index>(), values()).prop_map(|(which, value)| Scar::Again(which, value)),
    ]
}

impl Scar {
    fn cut(self, mut body: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Torn(at) => body.truncate(at.index(body.len() + 1)),
            Self::Dirty(at, bytes) => {
                let at = at.index(body.len() + 1);
                body.splice(at..at, bytes);
            }
            Self::Doubled => body.extend_from_within(..),
            Self::Marked => {
                body.splice(0..0, [0xef, 0xbb, 0xbf]);
            }
            Self::Again(which, value) => {
                let Ok(Value::Object(fields)) = serde_json::from_slice(&body) else { return body };
                let Some(key) = fields.keys().nth(which.index(fields.len().max(1))) else { return body };
                let first = format!("{}:{value},", Value::from(key.as_str()));
                body.splice(1..1, first.into_bytes());
            }
        }
        body
    }
}

/// What `work` gives, or a failure when it does not end. Far longer than it may take on a busy machine.
pub fn ends<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    // As deep as a worker thread of the server; a panic closes the channel.
    thread.spawn(move || done.send(work())).expect("a thread starts");
    match wait.recv_timeout(std::time::Duration::from_secs(60)) {
        Ok(found) => found,
        Err(error) => panic!("{error}: {what:.300}"),
    }
}

#[test]
fn mutated_bodies_are_whole_at_times_and_not_at_others() {
    use proptest::strategy::ValueTree;
    let samples = &[r#"{"a":{"b":[1,2]},"c":"d"}"#];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let whole: Value = serde_json::from_str(samples[0]).unwrap();
    let (mut same, mut json, mut broken) = (0, 0, 0);
    for _ in 0..500 {
        let body = bodies(samples).new_tree(&mut runner).unwrap().current();
        match serde_json::from_slice::<Value>(&body) {
            Ok(value) if value == whole => same += 1,
            Ok(_) => json += 1,
            Err(_) => broken += 1,
        }
    }
    assert!(same > 10 && json > 100 && broken > 50, "{same} {json} {broken}");
}
