//! What is accepted.

use super::super::dtype::DTYPES;
use super::super::{Dtype, Header, SafeTensors};
use super::{file, one, two};

fn accepted(header: impl AsRef<[u8]>, n_data: usize) -> Header {
    SafeTensors::from_bytes(&file(header, n_data)).unwrap().header
}

#[test]
fn white_space_around_and_inside_the_header_is_accepted() {
    assert_eq!(accepted(format!(" \n\t\r{} \n\t\r", one("[1]", "[0,4]")), 4).tensors.len(), 1);
    assert_eq!(accepted(one("[1]", "[0,4]").replace(':', " :\n\t"), 4).tensors.len(), 1);
}

#[test]
fn an_empty_object_is_accepted() {
    assert_eq!(accepted("{}", 0), Header { tensors: vec![], metadata: vec![] });
    assert_eq!(accepted("{\"__metadata__\":{}}", 0), Header { tensors: vec![], metadata: vec![] });
}

#[test]
fn a_scalar_is_accepted_and_is_one_number() {
    let mut bytes = file(one("[]", "[0,4]"), 0);
    bytes.extend_from_slice(&2.5f32.to_le_bytes());
    let tensor = SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap();
    assert_eq!((tensor.shape(), tensor.data()), (&[][..], &[2.5][..]));
}

#[test]
fn tensors_without_numbers_are_accepted_wherever_they_stand() {
    let header = accepted(two(("[1]", "[0,4]"), ("[0,7]", "[0,0]")), 4);
    assert_eq!(header.tensors.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    let header = accepted(two(("[0]", "[4,4]"), ("[1]", "[0,4]")), 4);
    assert_eq!(header.tensors.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    let bytes = file(one("[2,0]", "[0,0]"), 0);
    let tensor = SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap();
    assert_eq!((tensor.shape(), tensor.data()), (&[2, 0][..], &[][..]));
}

#[test]
fn any_order_of_keys_and_of_tensors_is_accepted() {
    let header = accepted(
        r#"{"a":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},"__metadata__":{"k":"v"},
            "b":{"shape":[1],"dtype":"F32","data_offsets":[0,4]}}"#,
        8,
    );
    assert_eq!(header.tensors[0].name, "b");
    assert_eq!(header.tensors[1].name, "a");
    assert_eq!(header.metadata, [("k".to_string(), "v".to_string())]);
}

#[test]
fn escapes_in_names_are_accepted() {
    let header = accepted(r#"{"\u0061\ud83d\ude00":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4);
    assert_eq!(header.tensors[0].name, "a\u{1F600}");
}

#[test]
fn unknown_inner_keys_are_accepted() {
    accepted(r#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"note":{"x":[1.5]}}}"#, 4);
}

#[test]
fn every_dtype_of_the_format_is_accepted_in_a_header() {
    for (dtype, name, bits) in DTYPES {
        let header = format!(r#"{{"a":{{"dtype":"{name}","shape":[8],"data_offsets":[0,{bits}]}}}}"#);
        assert_eq!(accepted(header, bits).tensors[0].dtype, dtype);
    }
}

#[test]
fn every_dtype_is_read_by_the_name_that_it_is_shown_with() {
    for (dtype, name, _) in DTYPES {
        assert_eq!(dtype.to_string(), name);
        assert_eq!(name.parse(), Ok(dtype));
    }
    let error = "f33".parse::<Dtype>().unwrap_err().to_string();
    assert_eq!(error, "dtype: \"f33\" is unknown, expected one such as F32");
}

#[test]
fn for_debugging_a_file_shows_its_sizes() {
    let bytes = file(two(("[1]", "[0,4]"), ("[2]", "[4,12]")), 12);
    let shown = format!("{:?}", SafeTensors::from_bytes(&bytes).unwrap());
    assert_eq!(shown, "SafeTensors { n_tensors: 2, n_bytes: 12, .. }");
}
