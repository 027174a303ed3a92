//! Both forms, against themselves and against bytes made by hand.

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};

use super::*;

/// A name that both forms can say.
fn name() -> impl Strategy<Value = String> {
    "[a-zäß€]{1,6}"
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("equal to itself", |number| !number.is_nan()),
        any::<i32>().prop_map(f64::from),
        Just(-0.0),
        Just(268_435_455.0),
        Just(268_435_456.0),
        Just(-268_435_456.0),
        Just(-268_435_457.0),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Undefined),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        number().prop_map(Value::Number),
        "[ -~äß€]{0,12}".prop_map(Value::String),
        number().prop_map(Value::Date),
        "[<a-z>]{0,12}".prop_map(Value::Xml),
        vec(any::<u8>(), 0..200).prop_map(|bytes| Value::Bytes(bytes.into())),
        (0u32..0x0fff_ffff).prop_map(Value::Reference),
        (0u32..0x1_0000).prop_map(Value::Reference),
    ]
}

/// A value that both forms can say, nested as deeply as is allowed.
fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(MAX_DEPTH as u32, 48, 5, |inner| {
        let fields = || vec((name(), inner.clone()), 0..5);
        prop_oneof![
            (prop_oneof![Just(String::new()), name()], fields())
                .prop_map(|(class, fields)| Value::Object(Object { class, fields })),
            // AMF3 knows no difference between an empty map and an empty array.
            vec((name(), inner.clone()), 1..5).prop_map(Value::Map),
            vec(inner.clone(), 0..5).prop_map(Value::Array),
            vec((inner.clone(), inner.clone()), 0..3).prop_map(Value::Dictionary),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_amf0_writes_it_reads(values in vec(value(), 0..4)) {
        prop_assert_eq!(amf0::read(&amf0::write(&values)), Ok(values));
    }

    #[test]
    fn what_amf3_writes_it_reads(values in vec(value(), 0..4)) {
        prop_assert_eq!(amf3::read(&amf3::write(&values)), Ok(values));
    }

    #[test]
    fn a_value_that_is_cut_short_is_an_error_or_fewer_values(values in vec(value(), 1..3), cut in any::<prop::sample::Index>()) {
        let (amf0, amf3) = (amf0::write(&values), amf3::write(&values));
        for (whole, read) in [(amf0, amf0::read as fn(&[u8]) -> _), (amf3, amf3::read)] {
            let part = &whole[..cut.index(whole.len())];
            match read(part) {
                Err(error) => prop_assert_eq!(error, Error::Short),
                Ok(fewer) => prop_assert!(fewer.len() <= values.len()),
            }
        }
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn fields(fields: &[(&str, Value)]) -> Vec<(String, Value)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[test]
fn amf0_reads_its_kinds() {
    let one = |bytes: &[u8]| amf0::read(bytes).map(|mut values| values.remove(0));
    assert_eq!(one(b"\x00\x40\x08\0\0\0\0\0\0"), Ok(Value::Number(3.0)));
    assert_eq!(one(b"\x01\x02"), Ok(Value::Boolean(true)));
    assert_eq!(one(b"\x02\x00\x03app"), Ok(text("app")));
    assert_eq!(one(b"\x0c\x00\x00\x00\x03app"), Ok(text("app")));
    assert_eq!(
        one(b"\x03\x00\x01a\x05\x00\x00\x09"),
        Ok(Value::Object(Object { class: String::new(), fields: fields(&[("a", Value::Null)]) }))
    );
    assert_eq!(one(b"\x10\x00\x01C\x00\x00\x09"), Ok(Value::Object(Object { class: "C".into(), fields: Vec::new() })));
    assert_eq!(one(b"\x07\x00\x02"), Ok(Value::Reference(2)));
    assert_eq!(one(b"\x0a\x00\x00\x00\x02\x06\x0d"), Ok(Value::Array(vec![Value::Undefined, Value::Unsupported])));
    assert_eq!(one(b"\x0b\x00\0\0\0\0\0\0\0\x00\x3c"), Ok(Value::Date(0.0)));
    assert_eq!(one(b"\x0f\x00\x00\x00\x04<a/>"), Ok(Value::Xml("<a/>".into())));
    assert_eq!(one(b"\x11\x04\x81\x00"), Ok(Value::Number(128.0)));
    for reserved in [0x04, 0x09, 0x0e, 0x12, 0xff] {
        assert_eq!(one(&[reserved]), Err(Error::UnknownKind));
    }
}

#[test]
fn a_text_longer_than_a_short_one_is_written_and_read() {
    for length in [65_535, 65_536, 70_000] {
        let values = vec![text(&"a".repeat(length))];
        assert_eq!(amf0::read(&amf0::write(&values)), Ok(values.clone()));
        assert_eq!(amf3::read(&amf3::write(&values)), Ok(values));
    }
}

#[test]
fn a_map_may_say_a_wrong_count_and_lack_its_end() {
    let map = Value::Map(fields(&[("a", Value::Null)]));
    assert_eq!(amf0::read(b"\x08\x00\x00\x00\x00\x00\x01a\x05\x00\x00\x09"), Ok(vec![map.clone()]));
    assert_eq!(amf0::read(b"\x08\xff\xff\xff\xff\x00\x01a\x05"), Ok(vec![map]));
}

#[test]
fn a_text_that_is_not_utf_8_is_read() {
    assert_eq!(amf0::read(b"\x02\x00\x03M\xfcl"), Ok(vec![text("M\u{fffd}l")]));
}

#[test]
fn amf3_follows_strings_and_classes_that_it_had_before() {
    // The same text twice, the second by its number.
    assert_eq!(amf3::read(b"\x06\x05hi\x06\x00"), Ok(vec![text("hi"), text("hi")]));
    // A class C with the field x, then another object of it.
    let object = |number| Value::Object(Object { class: "C".into(), fields: fields(&[("x", Value::Number(number))]) });
    assert_eq!(amf3::read(b"\x0a\x13\x03C\x03x\x04\x01\x0a\x01\x04\x02"), Ok(vec![object(1.0), object(2.0)]));
    assert_eq!(amf3::read(b"\x06\x00"), Err(Error::Reference));
    assert_eq!(amf3::read(b"\x0a\x01"), Err(Error::Reference));
    // An object that was there before is not followed.
    assert_eq!(amf3::read(b"\x0a\x04"), Ok(vec![Value::Reference(2)]));
}

#[test]
fn strings_of_amf3_are_counted_through_a_message_of_amf0() {
    assert_eq!(amf0::read(b"\x11\x06\x05hi\x11\x06\x00"), Ok(vec![text("hi"), text("hi")]));
}

#[test]
fn amf3_reads_its_kinds() {
    let one = |bytes: &[u8]| amf3::read(bytes).map(|mut values| values.remove(0));
    assert_eq!(one(b"\x04\xff\xff\xff\xff"), Ok(Value::Number(-1.0)));
    assert_eq!(one(b"\x04\xbf\xff\xff\xff"), Ok(Value::Number(268_435_455.0)));
    assert_eq!(one(b"\x07\x09<a/>"), Ok(Value::Xml("<a/>".into())));
    // Named values and places at once.
    let mixed = fields(&[("a", Value::Null), ("0", Value::Boolean(true))]);
    assert_eq!(one(b"\x09\x03\x03a\x01\x01\x03"), Ok(Value::Map(mixed)));
    let numbers = |numbers: &[f64]| Ok(Value::Array(numbers.iter().copied().map(Value::Number).collect()));
    assert_eq!(one(b"\x0d\x05\x00\xff\xff\xff\xff\0\0\0\x02"), numbers(&[-1.0, 2.0]));
    assert_eq!(one(b"\x0e\x03\x01\xff\xff\xff\xff"), numbers(&[4_294_967_295.0]));
    assert_eq!(one(b"\x0f\x03\x00\x40\x08\0\0\0\0\0\0"), numbers(&[3.0]));
    assert_eq!(one(b"\x10\x03\x00\x01\x04\x07"), numbers(&[7.0]));
    assert_eq!(one(b"\x0a\x07\x03C"), Err(Error::Externalizable));
    assert_eq!(one(b"\x12"), Err(Error::UnknownKind));
}

#[test]
fn values_are_nested_eight_deep_and_no_deeper() {
    let nested = |depth| (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    for (write, read) in
        [(amf0::write as fn(&[Value]) -> Bytes, amf0::read as fn(&[u8]) -> _), (amf3::write, amf3::read)]
    {
        assert!(read(&write(&[nested(MAX_DEPTH)])).is_ok());
        assert_eq!(read(&write(&[nested(MAX_DEPTH + 1)])), Err(Error::TooDeep));
        assert_eq!(read(&write(&[nested(1000)])), Err(Error::TooDeep));
    }
}

#[test]
fn a_count_reserves_nothing_and_is_bounded() {
    assert_eq!(amf0::read(b"\x0a\xff\xff\xff\xff"), Err(Error::Short));
    assert_eq!(amf3::read(b"\x09\xff\xff\xff\xff\x01"), Err(Error::Short));
    assert_eq!(amf3::read(b"\x0f\xff\xff\xff\xff\x00"), Err(Error::TooMany));
    assert_eq!(amf0::read(&[5; MAX_VALUES]).map(|values| values.len()), Ok(MAX_VALUES));
    assert_eq!(amf0::read(&[5; MAX_VALUES + 1]), Err(Error::TooMany));
    assert_eq!(amf3::read(&[1; MAX_VALUES + 1]), Err(Error::TooMany));
}

#[test]
fn a_text_that_is_referred_to_counts_each_time() {
    let long = "a".repeat(MAX_TEXT / 4);
    let mut bytes = amf3::write(&[text(&long)]).to_vec();
    bytes.extend([6, 0].repeat(3));
    assert_eq!(amf3::read(&bytes).map(|values| values.len()), Ok(4));
    bytes.extend([6, 0]);
    assert_eq!(amf3::read(&bytes), Err(Error::TooMany));
}
