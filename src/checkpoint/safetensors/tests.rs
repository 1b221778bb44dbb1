//! Which headers are refused and which are read; numbers; and that what is written is read back.

use super::dtype::DTYPES;
use super::*;
use proptest::prelude::*;

/// A file with this header and that many bytes of data.
fn file(header: impl AsRef<[u8]>, n_data: usize) -> Vec<u8> {
    let header = header.as_ref();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.resize(bytes.len() + n_data, 0);
    bytes
}

fn refused_bytes(bytes: &[u8]) -> String {
    match SafeTensors::from_bytes(bytes) {
        Ok(file) => panic!("read as {:?}", file.header),
        Err(error) => error.to_string(),
    }
}

/// The error for a file with this header and that many bytes of data, after checking that it says `why`.
fn refused(header: impl AsRef<[u8]>, n_data: usize, why: &str) {
    let message = refused_bytes(&file(header, n_data));
    assert!(message.contains(why), "{message}");
    assert!(!message.contains('\n') && message.len() < 400, "{message}");
}

fn accepted(header: impl AsRef<[u8]>, n_data: usize) -> Header {
    SafeTensors::from_bytes(&file(header, n_data)).unwrap().header
}

/// The header of a file with the tensor `a` of these two properties.
fn one(shape: &str, offsets: &str) -> String {
    format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
}

/// The header of a file with the tensors `a` and `b`, four bytes a number.
fn two(a: (&str, &str), b: (&str, &str)) -> String {
    let entry =
        |(shape, offsets): (&str, &str)| format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}"#);
    format!(r#"{{"a":{},"b":{}}}"#, entry(a), entry(b))
}

#[test]
fn the_file_of_the_introduction_is_what_is_written() {
    let b = Tensor::new(&[2], vec![1.0, -2.0]).unwrap();
    let bytes = to_bytes(&[("b".to_string(), &b)], &[], Dtype::F32).unwrap();
    let mut expected = vec![0x38, 0, 0, 0, 0, 0, 0, 0];
    expected.extend_from_slice(br#"{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  "#);
    expected.extend_from_slice(&[0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]);
    assert_eq!(bytes, expected);
}

// What is refused. The reference implementation refuses the same, except where a test says otherwise.

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
    // The reference lets this one pass, since the two do not contradict each other.
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
    // The reference multiplies from the left, meets the 0 first and lets it pass.
    refused(one("[0,4294967296,4294967296]", "[0,0]"), 0, "too large");
    refused(one("[4294967296,4294967296,0]", "[0,0]"), 0, "too large");
}

// What is accepted.

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

// Numbers.

#[test]
fn a_tensor_that_is_not_of_weights_is_an_error_only_when_it_is_read() {
    let bytes = file(r#"{"m":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 4);
    let mut file = SafeTensors::from_bytes(&bytes).unwrap();
    assert_eq!(
        file.read_tensor(0).unwrap_err().to_string(),
        "tensor \"m\": its dtype is U8, expected F32, F16 or BF16"
    );
    assert!(file.read_tensor(1).is_err());
}

#[test]
fn data_that_begin_at_an_odd_byte_are_read() {
    let header = format!("{} ", one("[1]", "[0,4]"));
    let header = if header.len() % 2 == 0 { format!("{header} ") } else { header };
    let mut bytes = file(header, 0);
    assert_eq!(bytes.len() % 2, 1);
    bytes.extend_from_slice(&(-0.75f32).to_le_bytes());
    assert_eq!(SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap().data(), [-0.75]);
}

#[test]
fn all_three_dtypes_are_read() {
    // 1.5 is 0x3FC00000 as an f32; its upper half is the bf16; sign 0, exponent 15, fraction 0x200 is the f16.
    for (name, bytes) in [("F32", &[0, 0, 0xC0, 0x3F][..]), ("BF16", &[0xC0, 0x3F]), ("F16", &[0x00, 0x3E])] {
        let header = format!(r#"{{"a":{{"dtype":"{name}","shape":[1],"data_offsets":[0,{}]}}}}"#, bytes.len());
        let mut file = file(header, 0);
        file.extend_from_slice(bytes);
        assert_eq!(SafeTensors::from_bytes(&file).unwrap().read_tensor(0).unwrap().data(), [1.5], "{name}");
    }
}

#[test]
fn tensors_longer_than_a_chunk_are_read_and_written_whole() {
    let numbers: Vec<f32> = (0..100_000usize).map(|i| (i % 251) as f32).collect(); // exact as bf16
    let tensor = Tensor::new(&[numbers.len()], numbers).unwrap();
    for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
        let bytes = to_bytes(&[("a".to_string(), &tensor)], &[], dtype).unwrap();
        let read = SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap();
        assert_eq!(read.data(), tensor.data());
    }
}

#[test]
fn what_cannot_be_read_back_is_not_written() {
    let tensor = Tensor::new(&[1], vec![1e5]).unwrap();
    let named = |name: &str| (name.to_string(), &tensor);
    let error = to_bytes(&[named("a")], &[], Dtype::F16).unwrap_err().to_string();
    assert_eq!(error, "tensor \"a\": 100000 is too large for F16: write it as F32");
    assert!(to_bytes(&[named("a"), named("a")], &[], Dtype::F32).is_err());
    assert!(to_bytes(&[named("__metadata__")], &[], Dtype::F32).is_err());
    assert!(to_bytes(&[named("a")], &[], Dtype::I64).is_err());
    let note = ("k".to_string(), "v".to_string());
    assert!(to_bytes(&[], &[note.clone(), note], Dtype::F32).is_err());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read(Path::new("no/such/file.safetensors")).unwrap_err();
    assert!(error.to_string().starts_with("no/such/file.safetensors: cannot be read"), "{error}");
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::NotFound));
}

/// A few tensors with any names, small shapes and any bits in their numbers.
fn any_tensors() -> impl Strategy<Value = Vec<(String, Tensor)>> {
    let tensor = proptest::collection::vec(0usize..4, 0..4).prop_flat_map(|shape| {
        let n = shape.iter().product::<usize>();
        proptest::collection::vec(any::<u32>(), n)
            .prop_map(move |bits| Tensor::new(&shape, bits.into_iter().map(f32::from_bits).collect()).unwrap())
    });
    proptest::collection::btree_map(any::<String>(), tensor, 0..5)
        .prop_map(|tensors| tensors.into_iter().filter(|(name, _)| name != "__metadata__").collect())
}

fn borrowed(tensors: &[(String, Tensor)]) -> Vec<(String, &Tensor)> {
    tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_written_is_read_back_bit_for_bit(
        tensors in any_tensors(),
        notes in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4),
    ) {
        let notes: Vec<(String, String)> = notes.into_iter().collect();
        let bytes = to_bytes(&borrowed(&tensors), &notes, Dtype::F32).unwrap();
        prop_assert_eq!(u64::from_le_bytes(bytes[..8].try_into().unwrap()) % 8, 0);
        let mut file = SafeTensors::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&file.header().metadata, &notes);
        prop_assert_eq!(file.header().tensors.len(), tensors.len());
        let bits = |t: &Tensor| t.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        for (name, tensor) in &tensors {
            let i = file.header().tensors.iter().position(|t| t.name == *name).unwrap();
            let read = file.read_tensor(i).unwrap();
            prop_assert_eq!(read.shape(), tensor.shape());
            prop_assert_eq!(bits(&read), bits(tensor));
        }
    }

    #[test]
    fn no_change_of_a_few_bytes_makes_the_reader_panic(
        tensors in any_tensors(),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
        cut in any::<usize>(),
    ) {
        let mut bytes = to_bytes(&borrowed(&tensors), &[], Dtype::F32).unwrap();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - if cut % 2 == 0 { 0 } else { cut % bytes.len() });
        if let Ok(mut file) = SafeTensors::from_bytes(&bytes) {
            for i in 0..file.header().tensors.len() {
                let _ = file.read_tensor(i);
            }
        }
    }
}
