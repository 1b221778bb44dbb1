//! What PyTorch wrote is read; anything else is refused in one line that says where.

#[path = "../../../tests/formats/archive.rs"]
mod archive;

use super::*;
use crate::rng::Rng;
use archive::{text, zip};
use std::io::Cursor;

fn open(bytes: Vec<u8>) -> Result<Tensors<Cursor<Vec<u8>>>> {
    TorchFile::new(Cursor::new(bytes))?.into_tensors(Path::new("f"))
}

fn refused(bytes: Vec<u8>) -> String {
    let message = open(bytes).map(|_| ()).unwrap_err().to_string();
    assert!(!message.contains('\n') && message.len() < 300, "{message}");
    message
}

/// The error for a pickle.
fn refused_pickle(pickle: &[u8]) -> String {
    refused(zip(&[("archive/data.pkl", pickle)]))
}

/// The opcodes of a state dict with the tensor `a`: two rows of three numbers in a storage of `n`.
fn state_dict(n: u8, offset: u8, strides: &[u8; 4]) -> Vec<u8> {
    let storage =
        [b"(", &text("storage")[..], b"ctorch\nFloatStorage\n", &text("0"), &text("cpu"), b"K", &[n], b"tQ"].concat();
    let rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n(";
    let shape = b"K\x02K\x03\x86";
    let rest = b"\x86\x89ccollections\nOrderedDict\n)RtR";
    [b"\x80\x02}(", &text("a")[..], rebuild, &storage, b"K", &[offset], shape, strides, rest, b"u."].concat()
}

const ROWS: &[u8; 4] = b"K\x03K\x01";

fn archive(pickle: &[u8], numbers: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    zip(&[("archive/data.pkl", pickle), ("archive/byteorder", b"little"), ("archive/data/0", &data)])
}

/// The numbers of the first tensor.
fn numbers(mut tensors: Tensors<Cursor<Vec<u8>>>) -> Result<Vec<f32>> {
    let mut out = vec![0.0; tensors.places[0].shape.iter().product()];
    tensors.read_weight_into(0, &mut out).map(|()| out)
}

#[test]
fn every_kind_of_number_and_a_transposed_table_are_read_from_a_file_of_pytorch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats/torch_kinds.bin");
    let mut file = open(std::fs::read(path).unwrap()).unwrap();
    let mut found = Vec::new();
    for i in 0..file.places.len() {
        let place = file.places[i].clone();
        let mut out = vec![0.0; place.shape.iter().product()];
        // 0/4 - 0.5, 1/4 - 0.5, ..., which all four kinds hold exactly; for the view, 7 to 12.
        let result = file.read_weight_into(i, &mut out).map_err(|e| e.to_string());
        let expected = match place.name.as_str() {
            "f32" | "f16" | "bf16" | "f64" | "parameter" | "turned" => Ok(vec![-0.5, -0.25, 0.0, 0.25, 0.5, 0.75]),
            "view" => Ok(vec![7.0, 8.0, 9.0, 10.0, 11.0, 12.0]),
            "single" => Ok(vec![0.75]),
            "empty" => Ok(vec![]),
            "i64" => Err("f: tensor \"i64\": its dtype is I64, expected F32, F16, BF16 or F64".to_string()),
            "bool" => Err("f: tensor \"bool\": its dtype is BOOL, expected F32, F16, BF16 or F64".to_string()),
            "strided" => {
                Err("f: tensor \"strided\": its numbers do not lie row by row or column by column: save it again \
                              after .contiguous()"
                    .to_string())
            }
            name => panic!("{name}"),
        };
        assert_eq!(result.map(|()| out), expected, "{}", place.name);
        let turned = place.name == "turned";
        assert_eq!(place.order == Order::Columns, turned, "{}", place.name);
        found.push(place.name);
    }
    assert_eq!(found.len(), 12, "{found:?}");
}

#[test]
fn a_state_dict_made_by_hand_is_read_row_by_row_and_column_by_column() {
    let all = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let read = |offset, strides| numbers(open(archive(&state_dict(7, offset, strides), &all)).unwrap()).unwrap();
    assert_eq!(read(0, ROWS), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(read(1, ROWS), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(read(0, b"K\x01K\x02"), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]); // row i, column j: i + 2*j
}

#[test]
fn a_long_table_is_turned_in_pieces() {
    // 300 rows of 500 columns, whose numbers lie column by column: more than two chunks.
    let (n_rows, n_columns) = (300, 500);
    let bytes: Vec<u8> = (0..n_rows * n_columns).flat_map(|k: usize| (k as f32).to_le_bytes()).collect();
    let place = Place {
        name: "a".to_string(),
        kind: crate::checkpoint::tensors::Kind::Plain(crate::checkpoint::Dtype::F32),
        shape: vec![n_rows, n_columns],
        order: Order::Columns,
        file: 0,
        begin: 0,
    };
    let mut out = vec![0.0; n_rows * n_columns];
    crate::checkpoint::tensors::fill(&place, &mut Cursor::new(bytes), &mut out).unwrap();
    for (at, &x) in out.iter().enumerate() {
        let (row, column) = (at / n_columns, at % n_columns);
        assert_eq!(x, (column * n_rows + row) as f32);
    }
}

#[test]
fn what_no_weights_need_is_refused_with_its_opcode_and_position() {
    let asks = "which no weights need; nothing of it was run, and it is not read here";
    assert_eq!(
        refused_pickle(b"\x80\x02cmath\nsqrt\nK\x04\x85R."),
        format!("pickle: GLOBAL at byte 2: asks for \"math.sqrt\", {asks}")
    );
    let none = "no file of weights needs this opcode, and it is not carried out here";
    for (pickle, expected) in [
        (&b"\x80\x02imath\nsqrt\n."[..], format!("INST at byte 2: {none}")),
        (b"\x80\x02N\x8c\x01a", format!("SHORT_BINUNICODE at byte 3: {none}")),
        (b"\x80\x02\xff", format!("the byte 0xff at byte 2: {none}")),
        (
            b"\x80\x04\x95",
            "PROTO at byte 0: protocol 4, and PyTorch writes 2: save it again without pickle_protocol".into(),
        ),
        (b"\x80\x02h\x07.", "BINGET at byte 2: the memo has no entry 7".into()),
        (b"\x80\x02j\0\0\0\x80.", "LONG_BINGET at byte 2: the memo has no entry 2147483648".into()),
        (
            b"\x80\x02X\xff\xff\xff\xff.",
            "BINUNICODE at byte 2: needs 4294967295 bytes, and 1 follow: is the file cut short?".into(),
        ),
        (b"\x80\x02X\x01\0\0\0\xff.", "BINUNICODE at byte 2: its text is not UTF-8".into()),
        (b"\x80\x02\x8a\x09123456789.", "LONG1 at byte 2: an integer of 9 bytes is too large".into()),
        (b"\x80\x02K", "BININT1 at byte 2: needs 1 bytes, and 0 follow: is the file cut short?".into()),
        (b"\x80\x02.", "STOP at byte 2: there is nothing on the stack".into()),
        (b"\x80\x02(0", format!("POP at byte 3: {none}")),
        (b"\x80\x02K\x01(a.", "APPEND at byte 5: there is nothing on the stack".into()),
        (b"\x80\x02Nt.", "TUPLE at byte 3: there is no mark".into()),
        (b"\x80\x02NNa.", "APPEND at byte 4: there is no list to append to".into()),
        (b"\x80\x02}(Nu.", "SETITEMS at byte 5: a key has no value".into()),
        (b"\x80\x02NN\x85s.", "SETITEM at byte 5: there is nothing on the stack".into()),
        (b"\x80\x02N(NNu.", "SETITEMS at byte 6: there is no dictionary to put it into".into()),
        (b"\x80\x02NNb.", "BUILD at byte 4: changes something that is no dictionary".into()),
        (b"\x80\x02N)R.", "REDUCE at byte 4: calls something that is no name".into()),
        (
            b"\x80\x02ctorch\nFloatStorage\n)R.",
            "REDUCE at byte 23: its arguments are not those that PyTorch writes".into(),
        ),
        (b"\x80\x02ccollections\nOrderedDict\nNR.", "REDUCE at byte 28: its arguments are no tuple".into()),
        (b"\x80\x02NQ.", "BINPERSID at byte 3: is not the description of a storage that PyTorch writes".into()),
        (b"\x80\x02N.N", "STOP at byte 3: something is left over: is the file damaged?".into()),
        (b"\x80\x02NN.", "STOP at byte 4: something is left over: is the file damaged?".into()),
        (b"\x80\x02cmath", "GLOBAL at byte 2: a name has no end".into()),
        (b"\x80\x02N", "ends at byte 3 without STOP: is the file cut short?".into()),
        (b"", "ends at byte 0 without STOP: is the file cut short?".into()),
        (b"\x80\x02N.", "it holds no dictionary of names and tensors, which a state dict is".into()),
    ] {
        assert_eq!(refused_pickle(pickle), format!("pickle: {expected}"));
    }
    let message = refused_pickle(&[b"\x80\x02}", &text("epoch")[..], b"K\x03s."].concat());
    assert_eq!(message, "the dictionary in it: has no tensors, but \"epoch\": save the model's state_dict() alone");
}

#[test]
fn a_tensor_that_does_not_lie_in_its_storage_is_refused_by_name() {
    let refused = |pickle: &[u8], n| refused(archive(pickle, &vec![0.0; n]));
    let dict = |n, offset, strides| state_dict(n, offset, strides);
    assert_eq!(refused(&dict(5, 0, ROWS), 5), "tensor \"a\": needs 6 numbers of its storage, which has 5");
    assert_eq!(refused(&dict(6, 1, ROWS), 6), "tensor \"a\": needs 7 numbers of its storage, which has 6");
    assert_eq!(refused(&dict(6, 0, b"K\x04K\x01"), 6), "tensor \"a\": needs 7 numbers of its storage, which has 6");
    assert_eq!(
        refused(&dict(6, 0, ROWS), 5),
        "tensor \"a\": its storage should have 6 numbers of F32, and has 20 bytes"
    );
    let other = String::from_utf8_lossy(&text("7")).into_owned();
    let pickle = dict(6, 0, ROWS);
    let at = pickle.windows(6).position(|part| part == text("0")).unwrap();
    let pickle = [&pickle[..at], other.as_bytes(), &pickle[at + 6..]].concat();
    assert_eq!(refused(&pickle, 6), "tensor \"a\": its numbers, data/7, are not in the file");
    // 2^62 rows of 2^62 numbers, which a product would hold as 0.
    let huge = b"\x8a\x08\0\0\0\0\0\0\0\x40\x8a\x08\0\0\0\0\0\0\0\x40\x86";
    let pickle = dict(6, 0, b"K\0K\0");
    let at = pickle.windows(5).position(|part| part == b"K\x02K\x03\x86").unwrap();
    let pickle = [&pickle[..at], huge, &pickle[at + 5..]].concat();
    assert_eq!(refused(&pickle, 6), "tensor \"a\": the product of its shape is too large");
    let mut damaged = vec![1.0; 6];
    damaged[4] = f32::NAN;
    let message = numbers(open(archive(&dict(6, 0, ROWS), &damaged)).unwrap()).unwrap_err().to_string();
    assert!(
        message.starts_with("f: tensor \"a\": 1 of its 6 numbers is NaN or infinite, the first (NaN) at [1, 1];"),
        "{message}"
    );
}

#[test]
fn values_nested_without_bound_or_in_themselves_do_no_harm() {
    let nested = [b"\x80\x02)", &b"\x85".repeat(900_000)[..], b"."].concat();
    assert!(matches!(Pickle::read(&nested).map(|pickle| pickle.value(pickle.root).clone()), Ok(Value::Tuple(_))));
    let pickle = Pickle::read(b"\x80\x02]q\x00h\x00a.").unwrap();
    assert_eq!(pickle.value(pickle.root), &Value::List(vec![pickle.root]));
    for (opcodes, what) in [
        (b"N".repeat(1_000_001), "NONE at byte 1000002: more than 1000000 values"),
        (b"(".repeat(1_000_001), "MARK at byte 1000002: more than 1000000 marks"),
        (
            [b"Nq\0", &b"h\0".repeat(1_000_000)[..]].concat(),
            "BINGET at byte 2000003: more than 1000000 values on the stack",
        ),
    ] {
        assert_eq!(refused_pickle(&[b"\x80\x02", &opcodes[..]].concat()), format!("pickle: {what}"));
    }
}

#[test]
fn an_archive_that_is_damaged_or_of_another_kind_is_refused() {
    let whole = archive(&state_dict(6, 0, ROWS), &[0.0; 6]);
    assert!(open(whole.clone()).is_ok());
    // With a comment of three bytes at the end.
    let n = whole.len();
    let comment = [&whole[..n - 2], &[3, 0], b"abc"].concat();
    assert!(open(comment).is_ok());
    let changed = |at: usize, bytes: &[u8]| {
        let mut copy = whole.clone();
        copy[at..at + bytes.len()].copy_from_slice(bytes);
        refused(copy)
    };
    let cut = "zip archive: its last part, the list of contents, is missing: is the file cut short?";
    for length in [0, 4, 21, 22, 100, n - 1] {
        assert_eq!(refused(whole[..length].to_vec()), cut, "{length}");
    }
    let lines: Vec<usize> = (0..n).filter(|&at| whole[at..].starts_with(b"PK\x01\x02")).collect();
    let data = |problem: &str| format!("member \"archive/data.pkl\" of the zip archive: {problem}");
    assert_eq!(
        changed(lines[0] + 10, &[8]),
        data("is compressed (method 8), and torch.save stores members as they are: save it again")
    );
    assert_eq!(changed(lines[0] + 8, &[1]), data("is encrypted, and PyTorch's files are not"));
    let last = "member \"archive/data/0\" of the zip archive: ";
    assert_eq!(
        changed(lines[2] + 20, &[200, 0, 0, 0, 200]),
        format!("{last}does not lie in the file: is the file damaged?")
    );
    assert_eq!(
        changed(lines[0] + 20, &[250, 0, 0, 0, 250]),
        "member \"archive/byteorder\" of the zip archive: overlaps the member before it"
    );
    assert_eq!(
        changed(lines[0] + 46, b"A"),
        "member \"Archive/data.pkl\" of the zip archive: has another name in its own header: the file is damaged"
    );
    assert_eq!(
        changed(lines[1] + 42, &[1]),
        "zip archive: byte 1 should begin a record, and does not: is the file damaged?"
    );
    assert_eq!(changed(n - 12, &[4]), "zip archive: its list of contents is damaged");
    assert_eq!(
        changed(n - 6, &[255; 3]),
        "zip archive: the list of contents does not lie in the file: is the file damaged?"
    );
    let size = lines[2] + 46 + 14 - lines[0];
    assert_eq!(
        changed(n - 12, &[255]),
        format!("zip archive: the list of contents cannot have 255 members in {size} bytes")
    );

    let stored = |members: &[(&str, &[u8])]| refused(zip(members));
    assert_eq!(
        stored(&[("a.txt", b"text")]),
        "zip archive: has no data.pkl in it, so torch.save did not write it: unpack it, and give what is in it"
    );
    assert_eq!(
        stored(&[("a/data.pkl", b""), ("b/data.pkl", b"")]),
        "zip archive: has two data.pkl in it: which one is meant?"
    );
    assert!(stored(&[("a/data.pkl", b""), ("a/data.pkl", b"")]).ends_with("is there twice: which one is meant?"));
    assert!(stored(&[("a/data.pkl", b""), ("a/constants.pkl", b"")]).contains("holds a program of TorchScript"));
    assert!(stored(&[("a/data.pkl", b""), ("a/byteorder", b"big")]).contains("puts the highest byte first"));
}

#[test]
fn an_archive_beyond_four_gigabytes_has_its_places_in_further_records() {
    // The same archive, with the largest numbers of four bytes in place of its own, and these in eight bytes elsewhere.
    let whole = archive(&state_dict(6, 0, ROWS), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let n = whole.len();
    let lines: Vec<usize> = (0..n).filter(|&at| whole[at..].starts_with(b"PK\x01\x02")).collect();
    let (mut bytes, list_at) = (whole[..lines[0]].to_vec(), lines[0] as u64);
    let four = |at: usize| u64::from(u32::from_le_bytes(whole[at..at + 4].try_into().unwrap())).to_le_bytes();
    for (i, &at) in lines.iter().enumerate() {
        let end = lines.get(i + 1).copied().unwrap_or(n - 22);
        let extra = [&[1, 0, 24, 0][..], &four(at + 24), &four(at + 20), &four(at + 42)].concat();
        bytes.extend(
            [&whole[at..at + 20], &[255; 8], &whole[at + 28..at + 30], &[28, 0], &whole[at + 32..at + 42]].concat(),
        );
        bytes.extend([&[255; 4][..], &whole[at + 46..end], &extra].concat());
    }
    let end_at = bytes.len() as u64;
    let (members, size) = (3_u64.to_le_bytes(), (end_at - list_at).to_le_bytes());
    bytes.extend([b"PK\x06\x06", &[0; 20][..], &members, &members, &size, &list_at.to_le_bytes()].concat());
    bytes.extend([b"PK\x06\x07", &[0; 4][..], &end_at.to_le_bytes(), &[1, 0, 0, 0]].concat());
    bytes.extend([b"PK\x05\x06", &[0; 4][..], &[255; 12], &[0; 2]].concat());
    assert_eq!(numbers(open(bytes.clone()).unwrap()).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let locator = bytes.len() - 42;
    bytes[locator + 8..locator + 16].fill(255);
    let n = bytes.len();
    let expected = format!("zip archive: a record should be at byte {}, and the file has {n} bytes", u64::MAX);
    assert_eq!(refused(bytes), expected);
}

#[test]
fn a_file_is_known_by_its_first_bytes() {
    assert_eq!(is_it(b"PK\x03\x04\0\0\x08\x08\0\0"), Ok(true));
    assert_eq!(is_it(b"PK\x03\x04\0\0\0\0{\"a\":"), Ok(false)); // a header of 67 MB
    assert_eq!(is_it(b""), Ok(false));
    assert!(is_it(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02").unwrap_err().contains("before version 1.6"));
}

#[test]
fn damaged_pickles_are_errors_and_no_panic() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats/torch/pytorch_model.bin");
    let bytes = std::fs::read(path).unwrap();
    let members = zip::members(&mut Cursor::new(&bytes)).unwrap();
    let data = members.iter().find(|member| member.name.ends_with("/data.pkl")).unwrap();
    let pickle = &bytes[data.begin as usize..(data.begin + data.size) as usize];
    assert!(Pickle::read(pickle).is_ok());
    let (mut rng, mut n_refused) = (Rng::new(1), 0);
    for _ in 0..3000 {
        let mut copy = pickle.to_vec();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(copy.len());
            match rng.below(4) {
                0 => copy[at] = rng.below(256) as u8,
                1 => copy[at] ^= 1 << rng.below(8),
                2 => drop(copy.drain(at..(at + 1 + rng.below(9)).min(copy.len()))),
                _ => copy.insert(at, b"(tRQ)}]NbusahKX\x85\x86."[rng.below(18)]),
            }
            if copy.is_empty() {
                copy.push(b'.');
            }
        }
        n_refused += usize::from(open(archive(&copy, &[0.0; 6])).is_err());
    }
    assert!(n_refused > 1500, "{n_refused}");
}
