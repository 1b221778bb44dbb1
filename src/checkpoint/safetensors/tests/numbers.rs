//! Numbers: which are read and written, and that what is written is read back.

use super::super::dtype::decode;
use super::super::{Dtype, SafeTensors, read, to_bytes};
use super::{file, one};
use crate::tensor::Tensor;
use proptest::prelude::*;
use std::path::Path;

#[test]
fn the_file_of_the_introduction_is_what_is_written() {
    let b = Tensor::new(&[2], vec![1.0, -2.0]).unwrap();
    let bytes = to_bytes(&[("b".to_string(), &b)], &[], Dtype::F32).unwrap();
    let mut expected = vec![0x38, 0, 0, 0, 0, 0, 0, 0];
    expected.extend_from_slice(br#"{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  "#);
    expected.extend_from_slice(&[0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]);
    assert_eq!(bytes, expected);
}

#[test]
fn a_tensor_that_is_not_of_weights_is_an_error_only_when_it_is_read() {
    let bytes = file(r#"{"m":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 4);
    let mut file = SafeTensors::from_bytes(&bytes).unwrap();
    assert_eq!(
        file.read_tensor(0).unwrap_err().to_string(),
        "tensor \"m\": its dtype is U8, expected F32, F16, BF16 or F64"
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
fn numbers_of_64_bits_become_the_nearest_of_32() {
    // 0.1 is 1.6 / 16, and 0.6 * 2^23 = 5033164.8. 2^24 + 1 lies between two floats, of which the even one, 2^24, is taken;
    // a little more, and the other one is nearer. 1e-50 is nearer to 0 than to the smallest float, 1.4e-45.
    let (between, more) = (16_777_217.0, 16_777_217.000_000_1);
    let cases = [(0.1, 0x3DCC_CCCD), (-1.5, 0xBFC0_0000), (between, 0x4B80_0000), (more, 0x4B80_0001), (1e-50, 0)];
    let header = format!(r#"{{"a":{{"dtype":"F64","shape":[5],"data_offsets":[0,{}]}}}}"#, 8 * cases.len());
    let mut bytes = file(header, 0);
    bytes.extend(cases.iter().flat_map(|(x, _): &(f64, u32)| x.to_le_bytes()));
    let found = SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap();
    assert_eq!(found.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>(), cases.map(|(_, bits)| bits));
    // Anything beyond the largest float is refused in a weight.
    let header = r#"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#;
    let mut bytes = file(header, 0);
    bytes.extend(1e39f64.to_le_bytes());
    let mut tensors = SafeTensors::from_bytes(&bytes).unwrap().into_tensors(Path::new("f"));
    assert!(tensors.read_weight_into(0, &mut [0.0]).unwrap_err().to_string().contains("the first (inf) at [0]"));
    let tensor = Tensor::zeros(&[1]);
    let error = to_bytes(&[("a".to_string(), &tensor)], &[], Dtype::F64).unwrap_err().to_string();
    assert_eq!(error, "safetensors: cannot write F64: use F32, F16 or BF16");
}

#[test]
fn every_pattern_of_bits_is_known_as_a_number_or_none() {
    let is_number = |bytes: &[u8], dtype| {
        let mut x = [0.0];
        (decode(bytes, dtype, &mut x), x[0].is_finite())
    };
    for dtype in [Dtype::F16, Dtype::Bf16] {
        for bits in 0..=u16::MAX {
            let (found, expected) = is_number(&bits.to_le_bytes(), dtype);
            assert_eq!(found, expected, "{dtype} {bits:#06x}");
        }
    }
    let last = [f32::MAX, -f32::MAX, 0.0, -0.0, f32::MIN_POSITIVE, f32::from_bits(1)];
    let none = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, f32::from_bits(u32::MAX)];
    for x in last.into_iter().chain(none) {
        assert_eq!(is_number(&x.to_le_bytes(), Dtype::F32), (x.is_finite(), x.is_finite()), "{x:e}");
    }
}

#[test]
fn a_weight_that_is_no_number_is_found_in_any_chunk() {
    for at in [0, 16_383, 16_384, 70_707, 99_999] {
        let mut numbers = vec![0.5; 100_000];
        numbers[at] = f32::INFINITY;
        let tensor = Tensor::new(&[1000, 10, 10], numbers).unwrap();
        let bytes = to_bytes(&[("a".to_string(), &tensor)], &[], Dtype::F32).unwrap();
        let mut out = vec![0.0; 100_000];
        let mut tensors = SafeTensors::from_bytes(&bytes).unwrap().into_tensors(Path::new("f"));
        let error = tensors.read_weight_into(0, &mut out).unwrap_err().to_string();
        let index = [at / 100, at / 10 % 10, at % 10];
        let expected =
            format!("f: tensor \"a\": 1 of its 100000 numbers is NaN or infinite, the first (inf) at {index:?};");
        assert!(error.starts_with(&expected), "{error}");
        let mut file = SafeTensors::from_bytes(&bytes).unwrap();
        file.read_into(0, &mut out).unwrap(); // whoever wants it as it is gets it
        assert_eq!(out[at], f32::INFINITY);
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
