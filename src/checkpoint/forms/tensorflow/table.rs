//! A table: keys and values in the order of the keys, as LevelDB keeps them and TensorFlow its index.
//!
//! The file is a row of blocks, and it is read from its end:
//!
//! ```text
//! data blocks     the entries
//! a block         of other uses; it is empty here
//! index block     an entry for each data block: its last key or one just after it, and where the block is
//! footer          48 bytes: where the two blocks before it are, zeros up to byte 40, and the number 0xdb4775248b80fb57
//!
//! a block         entries, restarts (4 bytes each), their number (4 bytes); then outside it
//!                 1 byte: how it is compressed (0: not); 4 bytes: the check sum of everything before, CRC-32C, masked
//! an entry        how many bytes of the key are those of the key before, how many more there are, how long the value is;
//!                 these bytes of the key; the value
//! where           first byte, size
//! ```
//!
//! Neighbouring keys begin alike, `model/h0/attn/c_attn/b` and `model/h0/attn/c_attn/w`, and here only the `w` is written
//! the second time. At a *restart* a key is written whole, for a reader that looks up one key. This one reads them all, in
//! their order, and needs none.
//!
//! Numbers in entries have as many bytes as they need ("varint"): seven bits in each, the lowest first, and the eighth bit
//! says that another byte follows.
//!
//! The sums show a damaged file. They protect nobody from a file that is made to deceive: it can have the right ones.
//! Every size is checked, and the blocks must lie one after the other, or a small file could show the same block many times.

use crate::error::{Error, Result};

/// What a file of this kind ends with.
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// The end of the file, with the magic number.
const FOOTER: usize = 48;
/// What follows each block: how it is compressed, and its check sum.
const TRAILER: usize = 5;

/// Shows `visit` every key and its value, in the order of the keys.
///
/// # Errors
///
/// Bytes that are no table or a damaged one; and those of `visit`.
pub(super) fn entries(file: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let (blocks, footer) = file.split_last_chunk::<FOOTER>().ok_or_else(|| fail("it is too short to be one"))?;
    if !footer.ends_with(&MAGIC.to_le_bytes()) {
        return Err(fail("it does not end as one does: is it cut short?"));
    }
    let mut places = &footer[..FOOTER - 8];
    block(blocks, place(&mut places)?)?; // of no use, but it should not be damaged either
    let index = block(blocks, place(&mut places)?)?;
    let mut end = 0;
    // Keys are written without what they share: a few bytes could stand for a very long one, many times.
    let mut longest_sum = 8 * file.len();
    let mut last = None;
    in_block(index, |_, mut value| {
        let (begin, size) = place(&mut value)?;
        if begin < end {
            return Err(fail("its blocks do not lie one after the other"));
        }
        end = begin + block(blocks, (begin, size))?.len() + TRAILER;
        in_block(block(blocks, (begin, size))?, |key, value| {
            if last.as_deref().is_some_and(|last: &[u8]| last >= key) {
                return Err(fail("its keys are not in order"));
            }
            longest_sum =
                longest_sum.checked_sub(key.len()).ok_or_else(|| fail("its keys are too long for its size"))?;
            let last = last.get_or_insert_with(Vec::new);
            last.clear();
            last.extend_from_slice(key);
            visit(key, value)
        })
    })
}

fn fail(problem: impl Into<String>) -> Error {
    Error::format("table", problem)
}

/// The next varint, whose bytes are taken off `rest`; `None` if they end too early or it has more than 64 bits.
pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        let bits = u64::from(byte & 0x7F);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The next `n` bytes, which are taken off `rest`.
pub(super) fn take<'a>(rest: &mut &'a [u8], n: u64) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(n).ok()?)?;
    *rest = after;
    Some(taken)
}

/// Where a block is: its first byte and its size.
fn place(rest: &mut &[u8]) -> Result<(usize, usize)> {
    let mut number = || usize::try_from(varint(rest)?).ok();
    let (begin, size) = (number(), number());
    begin.zip(size).ok_or_else(|| fail("it does not say where a block is"))
}

/// The bytes of a block, after checking that they lie in the file and are not damaged.
fn block(blocks: &[u8], (begin, size): (usize, usize)) -> Result<&[u8]> {
    let mut rest = blocks.get(begin..).unwrap_or_default();
    let parts = take(&mut rest, size as u64).zip(rest.first_chunk::<TRAILER>());
    let outside = || fail(format!("a block of {size} bytes should be at byte {begin}, and is not in the file"));
    let (contents, &[kind, sum @ ..]) = parts.ok_or_else(outside)?;
    if u32::from_le_bytes(sum) != masked_crc32c(&blocks[begin..=begin + size]) {
        return Err(fail(format!("the block at byte {begin} does not have its check sum: the file is damaged")));
    }
    match kind {
        0 => Ok(contents),
        1 => Err(fail("its blocks are compressed with Snappy, and TensorFlow writes them as they are: save it again")),
        kind => Err(fail(format!("its blocks are compressed in a way that is not known here, number {kind}"))),
    }
}

/// Shows `visit` the keys and values of one block.
fn in_block(block: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let damaged = || fail("a block of it is not one of keys and values");
    let (body, n_restarts) = block.split_last_chunk().ok_or_else(damaged)?;
    let n_restarts = u32::from_le_bytes(*n_restarts) as usize;
    let size = n_restarts.checked_mul(4).and_then(|n| body.len().checked_sub(n)).ok_or_else(damaged)?;
    let mut rest = &body[..size];
    let mut key = Vec::new();
    while !rest.is_empty() {
        let (n_shared, n_more) = (varint(&mut rest).ok_or_else(damaged)?, varint(&mut rest).ok_or_else(damaged)?);
        let n_value = varint(&mut rest).ok_or_else(damaged)?;
        if n_shared > key.len() as u64 {
            return Err(damaged());
        }
        key.truncate(n_shared as usize);
        key.extend_from_slice(take(&mut rest, n_more).ok_or_else(damaged)?);
        visit(&key, take(&mut rest, n_value).ok_or_else(damaged)?)?;
    }
    Ok(())
}

/// The check sum of some bytes as tables keep it. The bits of the sum are turned around and a constant is added: a sum over
/// bytes that contain their own sum would say little.
pub(super) fn masked_crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc = (crc >> 8) ^ CRC_TABLE[usize::from(crc as u8 ^ byte)];
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// What CRC-32C (Castagnoli) makes of each value of a byte. A check sum of this kind is the remainder of a division of
/// polynomials whose coefficients are bits; 0x82f63b78 is the divisor, lowest bit last.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut remainder = i as u32;
        let mut bit = 0;
        while bit < 8 {
            let is_divided = remainder & 1 == 1;
            remainder >>= 1;
            if is_divided {
                remainder ^= 0x82f6_3b78;
            }
            bit += 1;
        }
        table[i] = remainder;
        i += 1;
    }
    table
};
