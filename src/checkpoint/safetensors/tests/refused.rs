//! What is refused. The reference implementation refuses the same, except where a test says otherwise.

use super::super::SafeTensors;
use super::{file, one, two};

fn refused_bytes(bytes: &[u8]) -> String {
    match SafeTensors::from_bytes(bytes) {
        Ok(file) => panic!("read as {:?}", file.header),
        Err(error) => error.to_string(),
    }
}

/// The error for a file with this header and this many bytes of data, after checking that it contains `why`.
fn refused(header: impl AsRef<[u8]>, n_data: usize, why: &str) {
    let message = refused_bytes(&file(header, n_data));
    assert!(message.contains(why), "{message}");
    assert!(!message.contains('\n') && message.len() < 400, "{message}");
}

#[test]
fn fewer_than_eight_bytes_are_refused() {
    for n in 0..8 {
        assert!(refused_bytes(&vec![0; n]).contains("takes 8"));
    }
}

#[test]
fn a_header_of_length_0_is_refused() {
    refused("", 0, "its length is 0");
    refused("", 100, "its length is 0");
}

#[test]
fn a_header_longer_than_100_000_000_is_refused() {
    for length in [100_000_001, u64::MAX] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        assert!(refused_bytes(&bytes).contains("expected 1 to 100000000"));
    }
}

#[test]
fn a_header_past_the_end_is_refused() {
    let mut bytes = 3u64.to_le_bytes().to_vec();
    bytes.extend_from_slice(b"{}");
    assert_eq!(
        refused_bytes(&bytes),
        "safetensors header: its length is 3, and only 2 bytes follow: is the file cut short?"
    );
}

#[test]
fn a_header_that_is_not_utf8_is_refused() {
    refused(b"{\"\xFF\":1}", 0, "not UTF-8");
    refused(b"{\"\xED\xA0\x80\":1}", 0, "not UTF-8"); // a surrogate in UTF-8's clothes
}

#[test]
fn a_header_with_a_byte_order_mark_is_refused() {
    refused("\u{FEFF}{}", 0, "expected a value");
}

#[test]
fn a_header_that_is_not_an_object_is_refused() {
    for header in ["[]", "null", "1", "\"a\"", "true"] {
        refused(header, 0, "expected an object");
    }
}

#[test]
fn a_header_with_something_after_it_is_refused() {
    refused("{}x", 0, "expected the end");
    refused("{}{}", 0, "expected the end");
    refused("{}\0\0", 0, "expected the end");
    refused("{} \0", 0, "expected the end");
}

#[test]
fn lone_surrogates_are_refused() {
    refused(r#"{"\ud800":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4, "surrogate");
    refused(r#"{"\udc00":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4, "surrogate");
}

#[test]
fn nesting_without_bound_is_refused() {
    refused(format!("{{\"a\":{}", "[".repeat(200_000)), 0, "levels of nesting");
}

#[test]
fn duplicate_tensor_names_are_refused() {
    let entry = |offsets: &str| format!(r#""a":{{"dtype":"F32","shape":[1],"data_offsets":{offsets}}}"#);
    refused(format!("{{{},{}}}", entry("[0,4]"), entry("[4,8]")), 8, "duplicate key");
    // The reference accepts this one, because the two do not contradict each other.
    refused(format!("{{{},{}}}", entry("[0,4]"), entry("[0,4]")), 4, "duplicate key");
}

#[test]
fn duplicate_keys_inside_an_entry_are_refused() {
    refused(r#"{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4, "duplicate key");
    refused(r#"{"a":{"dtype":"F32","shape":[],"shape":[],"data_offsets":[0,4]}}"#, 4, "duplicate key");
    refused(r#"{"__metadata__":{"k":"v","k":"v"}}"#, 0, "duplicate key");
    refused(r#"{"__metadata__":{},"__metadata__":{}}"#, 0, "duplicate key");
}

#[test]
fn metadata_that_are_not_strings_are_refused() {
    for value in ["1", "null", "true", "[]", "{}"] {
        refused(format!(r#"{{"__metadata__":{{"k":{value}}}}}"#), 0, "must be a string");
    }
    refused(r#"{"__metadata__":["k"]}"#, 0, "must be an object");
}

#[test]
fn a_missing_dtype_shape_or_place_is_refused() {
    refused(r#"{"a":{"shape":[],"data_offsets":[0,4]}}"#, 4, "`dtype` is missing or not a string");
    refused(r#"{"a":{"dtype":null,"shape":[],"data_offsets":[0,4]}}"#, 4, "`dtype` is missing or not a string");
    refused(r#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4, "`shape` is missing or not a list");
    refused(r#"{"a":{"dtype":"F32","shape":[]}}"#, 4, "`data_offsets` is missing or not a list");
    refused(r#"{"a":5}"#, 4, "`dtype` is missing or not a string");
}

#[test]
fn an_unknown_or_lowercase_dtype_is_refused() {
    for dtype in ["F33", "f32", "FLOAT32", "bf16", ""] {
        let header = format!(r#"{{"a":{{"dtype":"{dtype}","shape":[],"data_offsets":[0,4]}}}}"#);
        refused(header, 4, "is unknown, expected one such as F32");
    }
}

#[test]
fn integers_that_are_negative_or_written_as_fractions_are_refused() {
    for number in ["-1", "1.0", "1e0", "-0", "null", "\"1\"", "99999999999999999999"] {
        refused(one(&format!("[{number}]"), "[0,4]"), 4, "`shape` must be integers");
        refused(one("[1]", &format!("[0,{number}]")), 4, "`data_offsets` must be integers");
        refused(one("[1]", &format!("[{number},4]")), 4, "`data_offsets` must be integers");
    }
}

#[test]
fn offsets_that_are_not_exactly_two_are_refused() {
    for offsets in ["[]", "[4]", "[0,4,4]"] {
        refused(one("[1]", offsets), 4, "must be two integers");
    }
    refused(one("[1]", "4"), 4, "`data_offsets` is missing or not a list");
}

#[test]
fn reversed_offsets_are_refused() {
    refused(one("[1]", "[4,0]"), 4, "reversed");
}

#[test]
fn a_hole_is_refused() {
    refused(one("[1]", "[4,8]"), 8, "leaves a hole");
    refused(two(("[1]", "[0,4]"), ("[1]", "[8,12]")), 12, "leaves a hole");
}

#[test]
fn tensors_that_overlap_are_refused() {
    refused(two(("[2]", "[0,8]"), ("[2]", "[4,12]")), 12, "overlaps");
    refused(two(("[1]", "[0,4]"), ("[1]", "[0,4]")), 4, "overlaps");
}

#[test]
fn a_tensor_past_the_end_is_refused() {
    refused(one("[2]", "[0,8]"), 7, "ends at data byte 8, and there are only 7");
    refused(one("[250000000000]", "[0,1000000000000]"), 8, "only 8");
}

#[test]
fn trailing_bytes_are_refused() {
    refused(one("[1]", "[0,4]"), 5, "the tensors end at data byte 4, and there are 5");
    refused("{}", 1, "the tensors end at data byte 0");
}

#[test]
fn a_size_that_is_not_that_of_the_shape_is_refused() {
    refused(one("[2,3]", "[0,20]"), 20, "has 20 bytes, and shape [2, 3] of F32 needs 24");
    refused(one("[0]", "[0,4]"), 4, "needs 0");
    refused(r#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}"#, 1, "whole bytes");
}

#[test]
fn a_product_that_overflows_is_refused() {
    // 2^62 numbers of 4 bytes are 2^64 bytes, which a 64-bit integer holds as 0.
    refused(one("[4611686018427387904]", "[0,0]"), 0, "too large");
    refused(one("[4294967296,4294967296]", "[0,0]"), 0, "too large");
}

#[test]
fn a_product_that_overflows_beside_a_zero_is_refused() {
    // The reference multiplies from the left, meets the 0 first and accepts it.
    refused(one("[0,4294967296,4294967296]", "[0,0]"), 0, "too large");
    refused(one("[4294967296,4294967296,0]", "[0,0]"), 0, "too large");
}
