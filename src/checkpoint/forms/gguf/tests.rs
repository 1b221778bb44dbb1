//! The first part of a file, made by hand byte by byte.

use super::header::Header;
use super::values::Value;
use super::*;
use std::io::Cursor;

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// An entry with a value of this type.
fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&text(key)[..], &kind.to_le_bytes(), value].concat()
}

/// An entry with an array of `n` elements of this type.
fn array(key: &str, kind: u32, n: u64, elements: &[u8]) -> Vec<u8> {
    entry(key, 9, &[&kind.to_le_bytes()[..], &n.to_le_bytes(), elements].concat())
}

/// A tensor in the list.
fn tensor(name: &str, dims: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| dim.to_le_bytes()).collect();
    let n = (dims.len() / 8) as u32;
    [&text(name)[..], &n.to_le_bytes(), &dims, &kind.to_le_bytes(), &offset.to_le_bytes()].concat()
}

/// A file of version 3 with these entries and tensors, and no numbers.
fn file(entries: &[Vec<u8>], tensors: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend_from_slice(&(tensors.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    bytes.extend(entries.concat());
    bytes.extend(tensors.concat());
    bytes
}

fn read(bytes: Vec<u8>, keys: &[&'static str]) -> Result<Header> {
    Header::read(&mut Cursor::new(bytes), keys)
}

/// The places of the tensors of a file whose numbers take `n` bytes.
fn placed(entries: &[Vec<u8>], tensors: &[Vec<u8>], n: u64) -> Result<Vec<Place>> {
    let header = read(file(entries, tensors), &[ALIGNMENT])?;
    places(&header, header.data_start + n)
}

/// The message of a refusal.
fn refused<T>(result: Result<T>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_value_of_every_type_is_read_and_passed_over() {
    let all = [
        ("u8", 0, vec![200], Value::Integer(200)),
        ("i8", 1, vec![200], Value::Integer(-56)),
        ("u16", 2, vec![0, 200], Value::Integer(51_200)),
        ("i16", 3, vec![0, 200], Value::Integer(-14_336)),
        ("u32", 4, vec![0, 0, 0, 200], Value::Integer(3_355_443_200)),
        ("i32", 5, vec![0, 0, 0, 200], Value::Integer(-939_524_096)),
        ("f32", 6, 1.5_f32.to_le_bytes().to_vec(), Value::Real(1.5)),
        ("truth", 7, vec![1], Value::Truth(true)),
        ("text", 8, text("h\u{e9}"), Value::Text("h\u{e9}".to_string())),
        ("u64", 10, vec![255; 8], Value::Integer(18_446_744_073_709_551_615)),
        ("i64", 11, vec![255; 8], Value::Integer(-1)),
        ("f64", 12, 0.1_f64.to_le_bytes().to_vec(), Value::Real(0.1)),
    ];
    let mut entries: Vec<Vec<u8>> = all.iter().map(|(key, kind, bytes, _)| entry(key, *kind, bytes)).collect();
    entries.push(array("texts", 8, 3, &[text("one"), text(""), text("three")].concat()));
    entries.push(array("integers", 5, 2, &[1, 0, 0, 0, 255, 255, 255, 255]));
    entries.push(array("reals", 6, 2, &[0; 8]));
    entries.push(array("truths", 7, 3, &[0; 3]));
    entries.push(entry("last", 4, &[7, 0, 0, 0]));
    let keys = all.each_ref().map(|(key, ..)| *key);
    let header = read(file(&entries, &[]), &[&keys[..], &["texts", "integers", "reals", "last"]].concat()).unwrap();
    for (key, _, _, value) in &all {
        assert_eq!(header.get(key), Some(value), "{key}");
    }
    assert_eq!(header.get("texts"), Some(&Value::Texts(["one", "", "three"].map(Box::from).to_vec())));
    assert_eq!(header.get("integers"), Some(&Value::Integers(vec![1, -1])));
    assert_eq!(header.get("reals"), Some(&Value::Other));
    // What nobody asks for is passed over, of whatever type, and what comes after it is read.
    let header = read(file(&entries, &[]), &["last"]).unwrap();
    assert_eq!((header.get("text"), header.size("last")), (None, Ok(Some(7))));
}

#[test]
fn versions_2_and_3_are_read_alike() {
    let mut bytes = file(&[entry("last", 4, &[7, 0, 0, 0])], &[]);
    bytes[4] = 2;
    assert_eq!(read(bytes, &["last"]).unwrap().size("last"), Ok(Some(7)));
}

#[test]
fn what_cannot_be_a_first_part_is_refused_with_the_place() {
    for (entries, expected) in [
        (vec![entry("a", 13, &[])], "GGUF: the value of \"a\", before byte 37, has the unknown type 13"),
        (vec![array("a", 9, 1, &[])], "GGUF: the value of \"a\" is an array of arrays, which the format does not have"),
        (vec![array("a", 77, 1, &[])], "GGUF: the value of \"a\", before byte 49, has the unknown type 77"),
        (
            vec![entry("a", 8, &[3, 0, 0, 0, 0, 0, 0, 0, b'x'])],
            "GGUF: the value of \"a\", at byte 45, takes 3 bytes, and 1 are left",
        ),
        (vec![entry("k", 4, &[0; 4]), entry("k", 4, &[0; 4])], "GGUF: it says `k` twice: which one is meant?"),
        (
            vec![entry("k", 8, &[2, 0, 0, 0, 0, 0, 0, 0, 0xC3, 0x28])],
            "GGUF: the value of \"k\", at byte 37, is not UTF-8",
        ),
        (vec![array("k", 8, 1 << 40, &[])], "has 1099511627776 elements, and at most 10000000 are read here"),
        (vec![entry(ALIGNMENT, 4, &[33, 0, 0, 0])], "GGUF: `general.alignment` is 33, and must be a power of two"),
        (vec![entry(ALIGNMENT, 4, &[0, 0, 0, 0])], "GGUF: `general.alignment` is 0, and must be a power of two"),
        (vec![entry(ALIGNMENT, 8, &text("32"))], "GGUF: `general.alignment` is not an integer from 0 on"),
    ] {
        let message = refused(read(file(&entries, &[]), &["k", ALIGNMENT]));
        assert!(message.contains(expected), "{message:?} instead of {expected:?}");
    }
    assert!(
        refused(read(file(&[], &[tensor("a", &[1; 5], 0, 0)]), &[])).contains("has 5 dimensions, and at most 4 are")
    );
}

#[test]
fn tensors_lie_one_after_the_other_each_at_a_multiple_of_the_alignment() {
    let two = |offset| [tensor("a", &[3, 2], 0, 0), tensor("b", &[64], 8, offset)];
    // 6 numbers of 4 bytes take 24; two blocks of 34 bytes take 68. Before them are 24 bytes, and 41 and 33 for the list: 128
    // with zeros.
    let places = placed(&[], &two(32), 32 + 68).unwrap();
    assert_eq!((&places[0].shape[..], &places[1].shape[..]), (&[2, 3][..], &[64][..]));
    assert_eq!((places[0].begin % 32, places[1].begin - places[0].begin), (0, 32));
    let wide = [entry(ALIGNMENT, 4, &[64, 0, 0, 0])];
    let places = placed(&wide, &two(64), 64 + 68).unwrap();
    assert_eq!((places[0].begin % 64, places[1].begin - places[0].begin), (0, 64));
    for (entries, tensors, n, expected) in [
        (&[][..], two(24).to_vec(), 200, "tensor \"b\": begins at byte 24 of the numbers, and must begin at 32"),
        (&[], two(64).to_vec(), 200, "tensor \"b\": begins at byte 64 of the numbers, and must begin at 32"),
        (&wide, two(32).to_vec(), 200, "tensor \"b\": begins at byte 32 of the numbers, and must begin at 64"),
        (
            &[],
            two(32).to_vec(),
            99,
            "tensor \"b\": its numbers end at byte 228 of the file, which has 227: is it cut short?",
        ),
        (&[], vec![tensor("a", &[2, 0], 0, 0)], 200, "tensor \"a\": has no numbers"),
        (
            &[],
            vec![tensor("a", &[48, 2], 8, 0)],
            200,
            "rows of 48 numbers, which do not fill blocks of Q8_0, of 32 each",
        ),
        (&[], vec![tensor("a", &[1 << 32, 1 << 32], 0, 0)], 200, "tensor \"a\": the product of its shape is too large"),
        (&[], vec![tensor("a", &[1 << 61, 2], 0, 0)], 200, "tensor \"a\": the product of its shape is too large"),
        (&[], vec![tensor("a", &[1 << 40], 0, 0)], 200, "tensor \"a\": its numbers end at byte 4398046511"),
    ] {
        let message = refused(placed(entries, &tensors, n));
        assert!(message.contains(expected), "{message:?} instead of {expected:?}");
    }
}

#[test]
fn numbers_of_a_kind_that_is_not_read_here_are_named_with_the_way_to_others() {
    for (number, name) in [(16, "IQ2_XXS"), (39, "MXFP4"), (77, "of kind 77")] {
        let message = refused(placed(&[], &[tensor("a", &[256], number, 0)], 200));
        let start = format!(
            "tensor \"a\": its numbers are {name}, which are not read here: `llama-quantize --allow-requantize"
        );
        assert!(message.starts_with(&start), "{message}");
    }
}
