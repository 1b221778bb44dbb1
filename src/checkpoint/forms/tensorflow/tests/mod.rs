//! Tables made here, whole and damaged.

mod files;

use super::bundle::{Bundle, Entry};
use super::table::{entries, masked_crc32c};
use crate::error::Result;

/// A varint.
pub(super) fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field of a message: an integer.
pub(super) fn integer(field: u64, value: u64) -> Vec<u8> {
    [varint(8 * field), varint(value)].concat()
}

/// A field of a message: bytes.
pub(super) fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [&varint(8 * field + 2), &varint(value.len() as u64), value].concat()
}

/// The message of a tensor.
pub(super) fn entry(dtype: u64, shape: &[u64], shard: u64, begin: u64, size: u64) -> Vec<u8> {
    let shape: Vec<u8> = shape.iter().flat_map(|&n| bytes(2, &integer(1, n))).collect();
    [integer(1, dtype), bytes(2, &shape), integer(3, shard), integer(4, begin), integer(5, size)].concat()
}

/// Appends a block with its trailer, and returns its place, as an index has it.
fn push_block(file: &mut Vec<u8>, contents: &[u8], kind: u8) -> Vec<u8> {
    let begin = file.len();
    file.extend_from_slice(contents);
    file.push(kind);
    let sum = masked_crc32c(&file[begin..]);
    file.extend_from_slice(&sum.to_le_bytes());
    [varint(begin as u64), varint(contents.len() as u64)].concat()
}

/// The contents of a block: entries that share nothing, each restarting, and the restarts.
fn whole_keys(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    let mut restarts = Vec::new();
    for (key, value) in entries {
        restarts.push(block.len() as u32);
        block.extend([varint(0), varint(key.len() as u64), varint(value.len() as u64)].concat());
        block.extend([*key, *value].concat());
    }
    restarts.push(restarts.len() as u32);
    block.extend(restarts.iter().flat_map(|n| n.to_le_bytes()));
    block
}

/// A file of these data blocks.
fn file_of(blocks: &[Vec<u8>], kind: u8) -> Vec<u8> {
    let mut file = Vec::new();
    let places: Vec<Vec<u8>> = blocks.iter().map(|block| push_block(&mut file, block, kind)).collect();
    let other = push_block(&mut file, &whole_keys(&[]), 0);
    let index: Vec<(&[u8], &[u8])> = places.iter().map(|place| (&b"last"[..], &place[..])).collect();
    let index = push_block(&mut file, &whole_keys(&index), 0);
    let mut footer = [other, index].concat();
    footer.resize(40, 0);
    file.extend(footer);
    file.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    file
}

/// A table with these entries, in two blocks.
pub(super) fn table(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let (first, second) = entries.split_at(entries.len() / 2);
    file_of(&[whole_keys(first), whole_keys(second)], 0)
}

type Found = Vec<(Vec<u8>, Vec<u8>)>;

fn read(file: &[u8]) -> Result<Found> {
    let mut found = Vec::new();
    entries(file, |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        Ok(())
    })?;
    Ok(found)
}

/// Why a file is refused.
fn refused(file: &[u8]) -> String {
    let message = read(file).expect_err("a refusal").to_string();
    message.strip_prefix("table: ").unwrap_or_else(|| panic!("{message}")).to_string()
}

/// A table with one block, made of bytes.
fn of_bytes(block: &[u8]) -> Vec<u8> {
    file_of(&[block.to_vec()], 0)
}

#[test]
fn the_sum_is_crc_32c() {
    // RFC 3720, B.4: 32 bytes of 0 give 0x8a9136aa, 32 of 0xff 0x62a8ab43, and 0 to 31 give 0x46dd794e. The mask: LevelDB's
    // table format, a turn to the right by 15 bits and 0xa282ead8 added.
    let masked = |crc: u32| crc.rotate_right(15).wrapping_add(0xa282_ead8);
    assert_eq!(masked_crc32c(&[0; 32]), masked(0x8a91_36aa));
    assert_eq!(masked_crc32c(&[0xff; 32]), masked(0x62a8_ab43));
    assert_eq!(masked_crc32c(&std::array::from_fn::<u8, 32, _>(|i| i as u8)), masked(0x46dd_794e));
    // What TensorFlow 2.21 writes behind an empty block and the byte that says that it is not compressed.
    assert_eq!(masked_crc32c(&[0, 0, 0, 0, 1, 0, 0, 0, 0]), 0xb0a1_f2c0);
}

#[test]
fn keys_and_values_come_in_their_order() {
    let long = vec![7; 300];
    let all: [(&[u8], &[u8]); 4] = [(b"", b"first"), (b"a", b""), (b"a/b", &long), (b"\xff", b"x")];
    let expected: Found = all.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    for n in 0..=4 {
        assert_eq!(read(&table(&all[..n])).unwrap(), expected[..n]);
    }
}

#[test]
fn a_key_takes_its_beginning_from_the_one_before() {
    // shared, more, value: "wpe" = 1; "wte" = 2 with one letter of "wpe", "wtx" = 3 with two of "wte". One restart, at 0.
    let block = b"\x00\x03\x01wpe1\x01\x02\x01te2\x02\x01\x01x3\0\0\0\0\x01\0\0\0";
    let found = read(&of_bytes(block)).unwrap();
    let expected = [("wpe", "1"), ("wte", "2"), ("wtx", "3")];
    assert_eq!(found, expected.map(|(key, value)| (key.into(), value.into())));
}

#[test]
fn every_damaged_byte_is_found() {
    let whole = table(&[(b"", b"first"), (b"wpe", b"1"), (b"wte", b"2")]);
    let expected = read(&whole).unwrap();
    for i in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[i] ^= 1 << bit;
            match read(&damaged) {
                Err(_) => {}
                // The footer has bytes that are not used, and says where a block is that is not.
                Ok(found) => assert!(i >= whole.len() - 48 && i < whole.len() - 8 && found == expected, "byte {i}"),
            }
        }
        assert!(read(&whole[..i]).is_err(), "{i} bytes");
        assert!(read(&whole[i + 1..]).is_err(), "without {i} bytes and one more");
    }
    assert!(read(&[&whole[..], b"\0"].concat()).is_err());
    assert_eq!(refused(b"short"), "it is too short to be one");
    assert_eq!(refused(&[0; 100]), "it does not end as one does: is it cut short?");
    let mut damaged = whole.clone();
    damaged[3] ^= 1;
    assert_eq!(refused(&damaged), "the block at byte 0 does not have its check sum: the file is damaged");
}

#[test]
fn a_file_that_has_the_right_sums_and_deceives_is_refused() {
    let damaged = "a block of it is not one of keys and values";
    for (block, problem) in [
        (&b""[..], damaged),
        (b"\0\0\0", damaged),
        (b"\x01\0\0\0", damaged),           // a restart that is not there
        (b"\xff\xff\xff\xff", damaged),     // 2^32 - 1 restarts
        (b"\x01\x01\0x\0\0\0\0", damaged),  // a first key that shares a byte
        (b"\0\x02\0x\0\0\0\0", damaged),    // a key that does not end
        (b"\0\x01\x02x1\0\0\0\0", damaged), // a value that does not end
        (b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0", damaged), // a key of 2^64 - 1 bytes
        (b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\0\0\0", damaged), // a number of 65 bits
        (b"\0\x01\x00x\0\x01\x00x\0\0\0\0", "its keys are not in order"), // the same key twice
        (b"\0\x01\x00x\0\x01\x00a\0\0\0\0", "its keys are not in order"),
    ] {
        assert_eq!(refused(&of_bytes(block)), problem, "{block:?}");
    }
    let block = || vec![whole_keys(&[(b"a", b"1")])];
    assert!(refused(&file_of(&block(), 1)).starts_with("its blocks are compressed with Snappy"));
    assert!(refused(&file_of(&block(), 2)).ends_with("in a way that is not known here, number 2"));
    // A block that is shown twice.
    let mut file = Vec::new();
    let place = push_block(&mut file, &whole_keys(&[(b"a", b"1")]), 0);
    let twice = push_block(&mut file, &whole_keys(&[(b"a", &place), (b"b", &place)]), 0);
    let with_footer = |file: &[u8], index: &[u8]| {
        let mut footer = [index, index].concat();
        footer.resize(40, 0);
        [file, &footer, &0xdb47_7524_8b80_fb57_u64.to_le_bytes()].concat()
    };
    assert_eq!(refused(&with_footer(&file, &twice)), "its blocks do not lie one after the other");
    // Places that are not in the file, up to those that overflow.
    for (begin, size) in [(0, 200), (200, 0), (u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX)] {
        let place = [varint(begin), varint(size)].concat();
        let expected = format!("a block of {size} bytes should be at byte {begin}, and is not in the file");
        assert_eq!(refused(&with_footer(&file, &place)), expected);
        let index = push_block(&mut file.clone(), &whole_keys(&[(b"a", &place)]), 0);
        let mut file = file.clone();
        push_block(&mut file, &whole_keys(&[(b"a", &place)]), 0);
        assert_eq!(refused(&with_footer(&file, &index)), expected);
    }
    assert_eq!(refused(&with_footer(&file, &[0xff; 20])), "it does not say where a block is");
}

/// A key of 60,000 bytes, and 10,000 keys of four bytes in the file that are one byte longer each.
#[test]
fn keys_that_grow_from_a_few_bytes_are_refused() {
    let mut block = [varint(0), varint(60_000), varint(0), vec![b'a'; 60_000]].concat();
    for n in 60_000..70_000 {
        block.extend([varint(n), varint(1), varint(0), b"a".to_vec()].concat());
    }
    block.extend([0; 4]);
    assert_eq!(refused(&of_bytes(&block)), "its keys are too long for its size");
}

fn header(n_shards: u64, highest_first: u64) -> Vec<u8> {
    // Field 3 is a message with the version, which does not matter here.
    [integer(1, n_shards), integer(2, highest_first), bytes(3, &integer(1, 1))].concat()
}

#[test]
fn the_index_says_what_each_tensor_is() {
    let wte = [entry(19, &[1, 8, 0], 1, 96, 768), vec![0x35, 1, 2, 3, 4]].concat();
    let sliced = [entry(1, &[4, 3], 0, 0, 0), bytes(7, b"")].concat();
    let table =
        table(&[(b"", &header(2, 0)), (b"\0slice", b"\xff"), (b"beta", b""), (b"slices", &sliced), (b"wte", &wte)]);
    let name = |name: &str| name.to_string();
    let expected = [
        Entry { name: name("beta"), dtype: 0, shape: vec![], shard: 0, begin: 0, size: 0, is_sliced: false },
        Entry { name: name("slices"), dtype: 1, shape: vec![4, 3], shard: 0, begin: 0, size: 0, is_sliced: true },
        Entry { name: name("wte"), dtype: 19, shape: vec![1, 8, 0], shard: 1, begin: 96, size: 768, is_sliced: false },
    ];
    assert_eq!(Bundle::read(&table), Ok(Bundle { n_shards: 2, entries: expected.into() }));
}

#[test]
fn what_is_not_understood_in_the_index_is_refused() {
    let refused = |entries: &[(&[u8], &[u8])]| Bundle::read(&table(entries)).unwrap_err().to_string();
    let start = "TensorFlow's index: ";
    let without = "it does not say in how many files the tensors are";
    assert_eq!(refused(&[]), format!("{start}{without}"));
    assert_eq!(refused(&[(b"wte", &entry(1, &[2], 0, 0, 8))]), format!("{start}{without}"));
    assert_eq!(refused(&[(b"", &header(0, 0))]), format!("{start}{without}"));
    assert!(refused(&[(b"", &header(1, 1))]).contains("puts the highest byte first"));
    assert_eq!(refused(&[(b"", b"\x08")]), format!("{start}its first entry is damaged"));
    assert_eq!(refused(&[(b"", &header(1, 0)), (b"\xc3", b"")]), format!("{start}the name of a tensor is no text"));
    let unknown_rank = bytes(2, &integer(3, 1));
    let negative = bytes(2, &bytes(2, &integer(1, u64::MAX)[..3])); // the size ends too early
    for message in [&b"\x08"[..], b"\x12\x05\x12", b"\x35abc", b"\x0b\x0c", b"\x07", &unknown_rank, &negative] {
        let found = refused(&[(b"", &header(1, 0)), (b"wte", message)]);
        assert_eq!(found, format!("{start}the entry of \"wte\" is damaged"));
    }
}
